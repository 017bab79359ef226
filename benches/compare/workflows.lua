#!lua name=workflows
-- Workflows as scripts over hashes and lists: what one would write without Baton, no more than it
-- takes. A task is a hash (payload, workflow, how many parents are open, children, owner), the
-- ready ones stand in a list, each agent has a set of what it holds, and everything of a workflow
-- is dropped when its last task is done.

-- KEYS: the queue. ARGV: for each task its payload, the number of its parents, and their places.
local function submit(keys, args)
  local queue = keys[1]
  local flow = redis.call('INCR', queue .. ':last')
  local children, open, payloads = {}, {}, {}
  local at, count = 1, 0
  while at <= #args do
    count = count + 1
    payloads[count] = args[at]
    open[count] = tonumber(args[at + 1])
    for n = 1, open[count] do
      local parent = tonumber(args[at + 1 + n])
      if parent >= count then
        return redis.error_reply('BADDAG task ' .. count .. ' stands before a parent')
      end
      children[parent] = (children[parent] and children[parent] .. ' ' or '') .. count
    end
    at = at + 2 + open[count]
  end
  for place = 1, count do
    local id = flow .. ':' .. place
    redis.call('HSET', queue .. ':task:' .. id, 'payload', payloads[place], 'open', open[place],
      'children', children[place] or '')
    if open[place] == 0 then
      redis.call('LPUSH', queue .. ':ready', id)
    end
  end
  redis.call('HSET', queue .. ':flow:' .. flow, 'tasks', count, 'left', count)
  return flow
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
  local flow = string.match(id, '^%d+')
  local children = redis.call('HGET', queue .. ':task:' .. id, 'children')
  for place in string.gmatch(children, '%d+') do
    local child = flow .. ':' .. place
    if redis.call('HINCRBY', queue .. ':task:' .. child, 'open', -1) == 0 then
      redis.call('LPUSH', queue .. ':ready', child)
    end
  end
  local record = queue .. ':flow:' .. flow
  if redis.call('HINCRBY', record, 'left', -1) == 0 then
    for place = 1, tonumber(redis.call('HGET', record, 'tasks')) do
      redis.call('DEL', queue .. ':task:' .. flow .. ':' .. place)
    end
    redis.call('DEL', record)
  end
  return 1
end

redis.register_function('submit', submit)
redis.register_function('take', take)
redis.register_function('done', done)
