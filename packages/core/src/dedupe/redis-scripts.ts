// One key per id: `running:<token>` as long as the lease runs, `done:<token>` as long as it is
// remembered. A client that lost the answer sends a command again: the same token asking again is
// therefore answered as it was the first time.

/** 0: in flight, 1: acquired, 2: done. Arguments: token, lease in milliseconds. */
export const BEGIN = `
local held = redis.call('GET', KEYS[1])
if not held then
  redis.call('SET', KEYS[1], 'running:' .. ARGV[1], 'PX', ARGV[2])
  return 1
end
if held == 'running:' .. ARGV[1] then return 1 end
if string.sub(held, 1, 5) == 'done:' then return 2 end
return 0
`;

/** 1 when the token holds the claim. Arguments: token, milliseconds to remember it. */
export const COMMIT = `
local held = redis.call('GET', KEYS[1])
if held == 'done:' .. ARGV[1] then return 1 end
if held ~= 'running:' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'done:' .. ARGV[1], 'PX', ARGV[2])
return 1
`;

/** 1 when the token held the claim. Argument: token. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) ~= 'running:' .. ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
