import { createReceiver, signWebhook, type Receiver } from '@ezthrottle/core/webhooks';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startPostgres } from '../../../../scripts/services/postgres.ts';
import { startRedis } from '../../../../scripts/services/redis.ts';
import { openStore, type StoreKind } from './open-store.ts';

/** A store of our own that can be stopped as a machine is that hangs: connected, and silent. */
interface Freezable extends AsyncDisposable {
  readonly url: string;
  /** The processes that answer, asked for when the store is connected. */
  readonly processIds: () => Promise<readonly number[]>;
}

const SECRET = 'the secret of these tests';
const STORE_TIMEOUT_MS = 300;

async function freezableRedis(): Promise<Freezable> {
  const redis = await startRedis();
  return {
    url: redis.url,
    processIds: async () => known([redis.processId]),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

/** Each connection has a process, and the first of them all makes new ones. */
async function freezablePostgres(): Promise<Freezable> {
  const database = await startPostgres();
  const { url } = database;
  return {
    url,
    processIds: async () => {
      const pool = new Pool({ connectionString: url, max: 1 });
      const { rows } = await pool.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      );
      await pool.end();
      return known([...rows.map(({ pid }) => pid), database.processId]);
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

function known(processIds: readonly (number | null)[]): readonly number[] {
  return processIds.map((id) => {
    if (id === null) throw new Error('what somebody else runs cannot be stopped');
    return id;
  });
}

function sendTo(receiver: Receiver): (id: string) => Promise<string> {
  return async (id) => {
    const body = Buffer.from(
      JSON.stringify({ delivery_id: id, job_id: `job of ${id}`, status: 'success' }),
    );
    const timestampSeconds = Math.floor(Date.now() / 1_000);
    const signature = signWebhook({ body, secret: SECRET, timestampSeconds });
    const header = (name: string): string | null =>
      name.toLowerCase() === 'x-ezthrottle-signature' ? signature : null;
    const answer = await receiver.receive({ method: 'POST', header, body });
    return `${answer.status} ${JSON.parse(answer.body).status ?? answer.headers['retry-after']}`;
  };
}

describe.each([
  ['Redis', ['ioredis', 'node-redis'], freezableRedis],
  ['PostgreSQL', ['pg', 'postgres.js'], freezablePostgres],
] as const)('a %s that hangs', (_, kinds, start) => {
  const resources = new AsyncDisposableStack();
  let service: Freezable;

  beforeAll(async () => {
    // One of our own, also where another is at hand: that is not ours to stop.
    vi.stubEnv('REDIS_URL', '');
    vi.stubEnv('TEST_DATABASE_URL', '');
    service = resources.use(await start());
    vi.unstubAllEnvs();
  }, 180_000);

  afterAll(() => resources.disposeAsync());

  test.each<StoreKind>(kinds)(
    'has deliveries come again soon, and each is handled once when it goes on (%s)',
    { timeout: 60_000 },
    async (kind) => {
      const name = `frozen_${kind.replaceAll(/\W/g, '_')}`;
      await using open = await openStore({ kind, url: service.url, name });
      const handled: (string | null)[] = [];
      const receiver = createReceiver({
        secrets: SECRET,
        dedupe: open.store,
        storeTimeoutMs: STORE_TIMEOUT_MS,
        onError: () => undefined,
        on: { any: ({ deliveryId }) => handled.push(deliveryId) },
      });
      const send = sendTo(receiver);
      expect(await send('before')).toBe('200 received');

      const processIds = await service.processIds();
      for (const id of processIds) process.kill(id, 'SIGSTOP');
      const began = performance.now();
      const answers = Promise.all([send('one'), send('two'), send('before')]);
      const meanwhile = await answers.finally(() => {
        for (const id of processIds) process.kill(id, 'SIGCONT');
      });
      const tookMs = performance.now() - began;

      expect(meanwhile).toEqual(['503 5', '503 5', '503 5']);
      // A busy machine may be late; without a limit it would have been for ever.
      expect(tookMs).toBeGreaterThanOrEqual(STORE_TIMEOUT_MS - 1);
      expect(tookMs).toBeLessThan(10_000);
      for (const id of ['one', 'two']) {
        // What the store took in while it hung is given back first.
        await vi.waitFor(async () => expect(await send(id)).toBe('200 received'), 20_000);
      }
      expect(await Promise.all(['before', 'one', 'two'].map(send))).toEqual(
        Array.from({ length: 3 }, () => '200 duplicate'),
      );
      expect(handled).toEqual(['before', 'one', 'two']);
      await receiver.close();
    },
  );
});
