#!lua name=tasks
-- The leanest scripts that keep tasks and who has them: a hash for each task (payload, owner), a
-- list of the ready ones, a set for each agent of what it holds. No order but the list's, no time,
-- no state, no workflows.

-- KEYS: the queue. ARGV: the payload.
local function push(keys, args)
  local queue = keys[1]
  local id = redis.call('INCR', queue .. ':last')
  redis.call('HSET', queue .. ':task:' .. id, 'payload', args[1])
  redis.call('LPUSH', queue .. ':ready', id)
  return id
end

-- KEYS: the queue. ARGV: the agent.
local function take(keys, args)
  local queue, agent = keys[1], args[1]
  local id = redis.call('RPOP', queue .. ':ready')
  if not id then
    return nil
  end
  local task = queue .. ':task:' .. id
  redis.call('HSET', task, 'owner', agent)
  redis.call('SADD', queue .. ':held:' .. agent, id)
  return { id, redis.call('HGET', task, 'payload') }
end

-- KEYS: the queue. ARGV: the agent, the task.
local function done(keys, args)
  local queue, agent, id = keys[1], args[1], args[2]
  if redis.call('SREM', queue .. ':held:' .. agent, id) == 0 then
    return redis.error_reply('NOTOWNER the agent does not hold ' .. id)
  end
  redis.call('DEL', queue .. ':task:' .. id)
  return 1
end

-- Not of the contest: the keys that tasks left behind, so all but the counter.
local function left()
  return redis.call('DBSIZE') - 1
end

redis.register_function('push', push)
redis.register_function('take', take)
redis.register_function('done', done)
redis.register_function('left', left)
