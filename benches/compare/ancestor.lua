#!lua name=tasks
-- Tasks with the meaning they have in Baton's ancestor, a workflow system of 2015 made of scripts
-- over Redis; written anew, as cheaply as that meaning allows.
--
-- Every task belongs to a workflow; a single one is a workflow of its own. A task has a type and a
-- priority (the least number comes first), its state and the state before it, and the time of
-- each. Ready tasks stand in a sorted set for each type; an agent asks for a type, and for no
-- priority below its floor. Sets tell which tasks are in a state, in all and for each workflow, as
-- pausing and releasing one needs it, and their sizes are the counts; what an agent is responsible
-- for is a set, too. Subscribers hear of ready tasks and of workflows that ended.
--
-- Cheaper than the ancestor: a hash is written and read in one call, the workflow is part of the
-- task's id, what is left of a workflow goes with its last task instead of by one more script.

-- KEYS: the queue. ARGV: the type, the priority, the payload, the time by the client's clock.
local function push(keys, args)
  local queue, type, priority = keys[1], args[1], args[2]
  local flow = redis.call('INCR', queue .. ':last')
  local id = flow .. ':1'
  redis.call('SADD', queue .. ':flows', flow)
  redis.call('HSET', queue .. ':flow:' .. flow, 'tasks', 1, 'left', 1)
  redis.call('HSET', queue .. ':task:' .. id, 'type', type, 'priority', priority,
    'payload', args[3], 'state', 'ready', 'previous', 'none', 'ready', args[4])
  redis.call('SADD', queue .. ':ready:' .. flow, id)
  redis.call('ZADD', queue .. ':ready-by-type:' .. type, priority, id)
  redis.call('PUBLISH', queue .. ':ready:' .. type, '')
  return id
end

-- KEYS: the queue. ARGV: the type, the agent, the priority's floor, the time.
local function take(keys, args)
  local queue, agent = keys[1], args[2]
  local ready = queue .. ':ready-by-type:' .. args[1]
  local id = redis.call('ZRANGE', ready, '-inf', args[3], 'BYSCORE', 'LIMIT', 0, 1)[1]
  if not id then
    return nil
  end
  local task, flow = queue .. ':task:' .. id, string.match(id, '^%d+')
  redis.call('ZREM', ready, id)
  redis.call('SMOVE', queue .. ':ready:' .. flow, queue .. ':running:' .. flow, id)
  redis.call('SADD', queue .. ':running', id)
  redis.call('SADD', queue .. ':responsible:' .. agent, id)
  redis.call('HSET', task, 'state', 'running', 'previous', 'ready', 'running', args[4],
    'responsible', agent)
  return { id, redis.call('HGET', task, 'payload') }
end

-- KEYS: the queue. ARGV: the agent, the task, the time.
local function done(keys, args)
  local queue, agent, id = keys[1], args[1], args[2]
  local flow = string.match(id, '^%d+')
  if redis.call('SREM', queue .. ':responsible:' .. agent, id) == 0 then
    return redis.error_reply('NOTOWNER the agent does not hold ' .. id)
  end
  -- What runs when its workflow is paused counts as paused, and may end nevertheless.
  local state = 'running'
  if redis.call('SREM', queue .. ':running', id) == 0 then
    state = 'paused'
    if redis.call('SREM', queue .. ':paused', id) == 0 then
      return redis.error_reply('NOTRUNNING neither running nor paused: ' .. id)
    end
  end
  redis.call('SREM', queue .. ':' .. state .. ':' .. flow, id)
  redis.call('HINCRBY', queue .. ':counts', 'complete', 1)
  local record = queue .. ':flow:' .. flow
  if redis.call('HINCRBY', record, 'left', -1) > 0 then
    redis.call('HSET', queue .. ':task:' .. id, 'state', 'complete', 'previous', state,
      'complete', args[3])
    return 1
  end
  for place = 1, tonumber(redis.call('HGET', record, 'tasks')) do
    redis.call('DEL', queue .. ':task:' .. flow .. ':' .. place)
  end
  redis.call('DEL', record)
  redis.call('SREM', queue .. ':flows', flow)
  redis.call('PUBLISH', queue .. ':complete', flow)
  return 1
end

-- KEYS: the queue. Not of the contest: the keys that tasks left behind, so all but the two with
-- counters, and the tasks that did not end.
local function left(keys)
  local queue = keys[1]
  local pushed, complete = redis.call('GET', queue .. ':last'), queue .. ':counts'
  return redis.call('DBSIZE') - 2 + pushed - redis.call('HGET', complete, 'complete')
end

redis.register_function('push', push)
redis.register_function('take', take)
redis.register_function('done', done)
redis.register_function('left', left)
