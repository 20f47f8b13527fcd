-- Takes the last request that a caller was granted out of its logs, as if it had not been asked for.
--
-- KEYS[1]  the caller
--
-- The logs are those of window.lua; one that has been forgotten meanwhile stays so.

local stored = redis.call('GET', KEYS[1])
if not stored then
  return
end
local logs = cmsgpack.unpack(stored)
for _, log in ipairs(logs) do
  local last = #log
  if last > 0 and log[last] > 1 then
    log[last] = log[last] - 1
  elseif last > 0 then
    log[last], log[last - 1] = nil, nil
  end
end
redis.call('SET', KEYS[1], cmsgpack.pack(logs), 'KEEPTTL')
