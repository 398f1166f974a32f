import type { DedupeStore } from '../webhooks/dedupe-store.ts';
import { redisRunner, type RedisClient } from './redis-client.ts';
import { BEGIN, COMMIT, RELEASE } from './redis-scripts.ts';
import { storedId } from './stored-id.ts';
import { wholeMs } from './whole-ms.ts';

export type { IoredisClient, NodeRedisClient, RedisClient } from './redis-client.ts';

export interface RedisDedupeOptions {
  /** Before each id in Redis. Applications that share a Redis need different ones. Default `ezthrottle:dedupe:`. */
  readonly prefix?: string;
}

const CLAIMS = ['in_flight', 'acquired', 'done'] as const;

/**
 * Remembers deliveries in Redis, for any number of processes. Each call is one script on one key, so
 * it works on a cluster; leases and memory are ended by Redis itself, whatever the clocks here say.
 * Redis must not evict keys (`noeviction`), and what a failover loses is handled again.
 *
 * @param client From `ioredis` or `redis` (4 or later), a cluster of either included. Stays yours to close.
 * @throws {TypeError} when it is neither.
 * @example
 * const receiver = createReceiver({ secrets, dedupe: redisDedupe(new Redis(url)) });
 */
export function redisDedupe(client: RedisClient, options: RedisDedupeOptions = {}): DedupeStore {
  const run = redisRunner(client);
  const prefix = options.prefix ?? 'ezthrottle:dedupe:';
  const keyOf = async (id: string): Promise<string> => prefix + (await storedId(id));
  return {
    async begin(id, { leaseMs, token }) {
      const lease = String(wholeMs('leaseMs', leaseMs));
      const claim = CLAIMS[await run(BEGIN, await keyOf(id), [token, lease])];
      return claim ?? 'in_flight';
    },
    async commit(id, token, ttlMs) {
      const ttl = String(wholeMs('ttlMs', ttlMs));
      return (await run(COMMIT, await keyOf(id), [token, ttl])) === 1;
    },
    async release(id, token) {
      return (await run(RELEASE, await keyOf(id), [token])) === 1;
    },
  };
}
