import { describe, expect, it } from 'vitest';
import type { DedupeObjectStub } from './durable-object.ts';
import { durableObjectDedupe } from './durable-object.ts';
import { postgresDedupe } from './postgres.ts';
import { redisDedupe } from './redis.ts';
import { sqliteDedupe } from './sqlite.ts';

/** As JavaScript would pass it. */
function untyped<T>(make: (client: T) => unknown, client: unknown): () => unknown {
  return () => Reflect.apply(make, undefined, [client]);
}

describe('a client that is none', () => {
  it('is refused where the store is made, with what would be right', () => {
    const nothing = {};
    expect(untyped(redisDedupe, nothing)).toThrow(/ioredis, or of redis 4 or later/);
    expect(untyped(postgresDedupe, nothing)).toThrow(/Pool or Client of pg, or what postgres\(\)/);
    expect(untyped(sqliteDedupe, nothing)).toThrow(/a database with exec and prepare/);
  });

  it('of a Durable Object shows by its answers', async () => {
    const fetch = (): ReturnType<DedupeObjectStub['fetch']> =>
      Promise.resolve(Response.json('hello'));
    const store = durableObjectDedupe({ idFromName: (name) => name, get: () => ({ fetch }) });
    const claim = store.begin('a', { leaseMs: 1, token: 't' });
    await expect(claim).rejects.toMatchObject({ code: 'dedupe_store_failed', retryable: true });
  });
});
