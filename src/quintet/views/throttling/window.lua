-- Grants one request if all rates of a caller allow it, and says how each of them stands.
--
-- KEYS[1]  the caller
-- ARGV     the parts of a window, then the amount and the milliseconds of each rate
-- returns  1 or 0, then for each rate: requests left, milliseconds until there will be more
--
-- What was granted is a log per rate: {at, count, at, count, ...}, the oldest first. Requests in the
-- same part of a window share a line that stands for the last of them, so that a log is never longer
-- than the parts of its window, and no window ever holds more than its amount.
-- The time is that of this server: the clocks of those who ask do not matter.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local parts = tonumber(ARGV[1])
local stored = redis.call('GET', KEYS[1])
local logs = stored and cmsgpack.unpack(stored) or {}

local function recent(log, window)
  local kept, used = {}, 0
  for line = 1, #log, 2 do
    local at = math.min(log[line], now) -- this server's own clock may have been put back
    if at + window > now then
      kept[#kept + 1], kept[#kept + 2] = at, log[line + 1]
      used = used + log[line + 1]
    end
  end
  return kept, used
end

local function add(log, window)
  local last, part = #log, window / parts
  if last > 0 and math.floor(log[last - 1] / part) == math.floor(now / part) then
    log[last - 1], log[last] = now, log[last] + 1
  else
    log[last + 1], log[last + 2] = now, 1
  end
end

local left, granted, longest = {}, true, 0
for rate = 1, (#ARGV - 1) / 2 do
  local amount, window = tonumber(ARGV[2 * rate]), tonumber(ARGV[2 * rate + 1])
  local log, used = recent(logs[rate] or {}, window)
  logs[rate], left[rate] = log, amount - used
  granted = granted and used < amount
  longest = math.max(longest, window)
end

if granted then
  for rate = 1, #left do
    add(logs[rate], tonumber(ARGV[2 * rate + 1]))
    left[rate] = left[rate] - 1
  end
  redis.call('SET', KEYS[1], cmsgpack.pack(logs), 'PX', longest)
end

local answer = {granted and 1 or 0}
for rate = 1, #left do
  answer[#answer + 1] = left[rate]
  answer[#answer + 1] = (logs[rate][1] or now) + ARGV[2 * rate + 1] - now
end
return answer
