import { randomUUID } from 'node:crypto';
import { type SignedRequest, signedRequest } from '@ezthrottle/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeliverySender } from './delivery-sender.ts';
import { openStore, type StoreKind } from './open-store.ts';
import { type Places, startPlaces } from './places.ts';
import type { ReceiverTask } from './processes/receiver.ts';
import { type SourceProcess, startSource } from './source-process.ts';

/** The first time, a service may have to be fetched. */
const START_MS = 180_000;
const secret = 'a secret of these instances';

let places: Places;
let redis: Redis;

beforeAll(async () => {
  places = await startPlaces();
  redis = new Redis(places.of('ioredis').url);
}, START_MS);

afterAll(async () => {
  redis.disconnect();
  await places[Symbol.asyncDispose]();
});

function deliveries(count: number, fields: { tags?: string[] } = {}): SignedRequest[] {
  return Array.from({ length: count }, () => signedRequest({ secret, ...fields }));
}

function jobsOf(sent: readonly SignedRequest[]): string[] {
  return sent.map(({ delivery }) => delivery.job_id).toSorted();
}

/** What happened outside of the instances: how often each job took effect, and was started. */
class Effects {
  readonly key = `effects:${randomUUID()}`;
  readonly at = { redisUrl: places.of('ioredis').url, key: this.key };

  async counts(): Promise<Readonly<Record<string, number>>> {
    const counts = await redis.hgetall(this.key);
    return Object.fromEntries(Object.entries(counts).map(([job, count]) => [job, Number(count)]));
  }

  started(): Promise<string[]> {
    return redis.lrange(`${this.key}:started`, 0, -1);
  }

  async clear(): Promise<void> {
    await redis.del(this.key, `${this.key}:started`);
  }
}

async function startTwo(
  kind: StoreKind,
  task: Omit<ReceiverTask, 'place' | 'secret'>,
  hangsOn: string,
): Promise<[SourceProcess, SourceProcess, () => Promise<void>]> {
  const place = places.of(kind);
  // Before them, so that there is one to clear up with.
  const open = await openStore(place);
  const shared = { ...task, place, secret };
  const [one, other] = await Promise.all([
    startSource('receiver.ts', { ...shared, hangsOn }),
    startSource('receiver.ts', shared),
  ]);
  const end = async (): Promise<void> => {
    await Promise.all([one.kill(), other.kill()]);
    await open.clear();
    await open[Symbol.asyncDispose]();
  };
  return [one, other, end];
}

describe.each([
  ['ioredis', 100, 100],
  ['pg', 20, 50],
] as const)('two instances that share a store over %s', (kind, count, times) => {
  test(`commit each of ${count} deliveries once, though each comes ${times} times at once`, async () => {
    const effects = new Effects();
    const [one, other, end] = await startTwo(
      kind,
      { effects: effects.at, leaseMs: 30_000 },
      'nothing',
    );
    using sender = new DeliverySender();
    try {
      const sent = deliveries(count);
      const repeated = Array.from({ length: times }, () => sent).flat();
      const answers = await Promise.all(
        repeated.map((delivery, index) => {
          // Both get every delivery, as often as the other does.
          const { firstLine: port } = (index + Math.floor(index / count)) % 2 === 0 ? one : other;
          return sender.sendUntilTaken(port, delivery);
        }),
      );

      const last = answers.map((each) => each.at(-1)?.body.status);
      expect(last.filter((status) => status === 'received')).toHaveLength(count);
      expect(last.filter((status) => status === 'duplicate')).toHaveLength(count * (times - 1));
      expect(new Set(answers.flat().map(({ status }) => status))).toEqual(new Set([200, 409]));
      expect(await effects.counts()).toEqual(
        Object.fromEntries(jobsOf(sent).map((job) => [job, 1])),
      );
      expect((await effects.started()).toSorted()).toEqual(jobsOf(sent));
    } finally {
      await end();
      await effects.clear();
    }
  });
});

// At once: they wait for leases.
describe.concurrent.each([
  ['ioredis', 100],
  ['pg', 20],
] as const)('two instances that share a store over %s, for %s deliveries', (kind, count) => {
  test('lose nothing when one is killed while it handles, and repeat nothing that it had done', async ({
    expect,
  }) => {
    const effects = new Effects();
    const [dying, other, end] = await startTwo(
      kind,
      { effects: effects.at, leaseMs: 5_000 },
      'hangs',
    );
    using sender = new DeliverySender();
    try {
      const done = deliveries(count / 2);
      const cut = deliveries(count / 2, { tags: ['hangs'] });
      await Promise.all(done.map((delivery) => sender.sendUntilTaken(dying.firstLine, delivery)));
      const broken = Promise.allSettled(
        cut.map((delivery) => sender.send(dying.firstLine, delivery)),
      );
      const startedThere = [...jobsOf(done), ...jobsOf(cut)].toSorted();
      const started = async (): Promise<string[]> => (await effects.started()).toSorted();
      await expect.poll(started, { timeout: 10_000 }).toEqual(startedThere);
      await dying.kill();
      const outcomes = await broken;
      expect(outcomes.map(({ status }) => status)).toEqual(cut.map(() => 'rejected'));

      const answers = await Promise.all(
        [...done, ...cut].map((delivery) => sender.sendUntilTaken(other.firstLine, delivery)),
      );

      const last = answers.map((each) => each.at(-1)?.body.status);
      expect(last).toEqual([...done.map(() => 'duplicate'), ...cut.map(() => 'received')]);
      expect(await effects.counts()).toEqual(
        Object.fromEntries(startedThere.map((job) => [job, 1])),
      );
      const startedTwice = [...startedThere, ...jobsOf(cut)].toSorted();
      expect(await started()).toEqual(startedTwice);
    } finally {
      await end();
      await effects.clear();
    }
  });
});
