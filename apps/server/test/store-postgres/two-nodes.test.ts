import type { NewJob, Store, Verdict } from '@ezthrottle/engine';
import {
  API_KEY,
  endingAdvance,
  newAdvance,
  newArmed,
  newClaim,
  newDelivery,
  newEnd,
  newJob,
  newSettle,
  newSpec,
  newWork,
  nextId,
  ORGANIZATION,
  T0,
} from '@ezthrottle/testkit/store-suite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { type TemporarySchema, temporarySchema } from '../temporary-postgres-store.ts';

const ROUNDS = 15;

let postgres: PostgresService;
let place: TemporarySchema;
let nodes: readonly [Store, Store];

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

beforeEach(async () => {
  place = await temporarySchema(postgres.url);
  const { url, schema } = place;
  nodes = await Promise.all([
    openPostgresStore({ url, schema }),
    openPostgresStore({ url, schema }),
  ]);
  await nodes[0].commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
  ]);
  return async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await place[Symbol.asyncDispose]();
  };
});

const submitted = (job: NewJob) => ({ type: 'submit', job }) as const;

/** What both say to the same at the same moment, in no order. */
async function both(
  write: (node: Store) => Promise<readonly Verdict[]>,
): Promise<readonly (readonly Verdict[])[]> {
  return Promise.all(nodes.map(write));
}

const wordsOf = (verdicts: readonly (readonly Verdict[])[]): readonly string[] =>
  verdicts
    .flat()
    .map(({ verdict }) => verdict)
    .toSorted();

describe('two nodes at the same moment', () => {
  it('take a key once, whichever of them asks first, and the other one names the job', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const keys = [1, 2, 3].map((key) => `${round} ${key}`);
      const offers = [keys, keys.toReversed()].map((order) =>
        order.map((key) => newJob({ idempotency: newClaim(key) })),
      );
      const verdicts = await Promise.all(
        nodes.map((node, index) => node.commit((offers[index] ?? []).map(submitted))),
      );
      const taken = new Map<string, string>();
      for (const [index, jobs] of offers.entries()) {
        for (const [number, job] of jobs.entries()) {
          if (verdicts[index]?.[number]?.verdict === 'ok') taken.set(job.idempotency.key, job.id);
        }
      }
      expect(wordsOf(verdicts)).toEqual([...Array(3).fill('duplicate'), ...Array(3).fill('ok')]);
      for (const [index, jobs] of offers.entries()) {
        for (const [number, job] of jobs.entries()) {
          const verdict = verdicts[index]?.[number];
          if (verdict?.verdict === 'duplicate') {
            expect(verdict.jobId).toBe(taken.get(job.idempotency.key));
          }
        }
      }
    }
    expect(await nodes[0].jobs.counts()).toMatchObject({ pending: ROUNDS * 3 });
  });

  it('take a key whose window is over once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const claim = newClaim(`key ${round}`, { windowMs: 10 });
      const old = newJob({ idempotency: claim });
      await nodes[0].commit([submitted(old)]);
      await nodes[0].commit([endingAdvance(old.id, 1, newEnd({ at: T0 + 1 }))]);
      const verdicts = await both((node) =>
        node.commit([submitted(newJob({ idempotency: claim, createdAt: T0 + 100 }))]),
      );
      expect(wordsOf(verdicts)).toEqual(['duplicate', 'ok']);
    }
  });

  it('move a job on once: the other one is stale', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const job = newJob({ spec: newSpec({ tags: ['a'] }) });
      await nodes[0].commit([submitted(job)]);
      const arming = await both((node) =>
        node.commit([
          newAdvance(job.id, 1, {
            putWork: [newWork({ state: 'armed' })],
            armed: [newArmed({ token: nextId() })],
          }),
        ]),
      );
      expect(wordsOf(arming)).toEqual(['ok', 'stale']);
      expect((await nodes[1].jobs.attempts(job.id)).length).toBe(1);
      const ending = await both((node) =>
        node.commit([endingAdvance(job.id, 2, newEnd(), { deliveries: [newDelivery()] })]),
      );
      expect(wordsOf(ending)).toEqual(['gone', 'ok']);
      expect((await nodes[1].jobs.deliveries(job.id)).length).toBe(1);
    }
    expect(await nodes[1].jobs.counts()).toMatchObject({ pending: 0, completed: ROUNDS });
  });

  it('bring a child once, though both of its parents name it', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const parents = [newJob(), newJob()];
      await nodes[0].commit(parents.map(submitted));
      const child = newJob();
      const verdicts = await Promise.all(
        nodes.map((node, index) =>
          node.commit([
            endingAdvance(parents[index]?.id ?? '', 1, newEnd(), { children: [child] }),
          ]),
        ),
      );
      expect(wordsOf(verdicts)).toEqual(['ok', 'ok']);
      expect((await nodes[0].jobs.live([child.id])).length).toBe(1);
    }
    expect(await nodes[0].jobs.counts()).toMatchObject({ pending: ROUNDS });
  });

  it('settle an attempt of a delivery once', async () => {
    const job = newJob();
    const delivery = newDelivery();
    await nodes[0].commit([submitted(job)]);
    await nodes[0].commit([endingAdvance(job.id, 1, newEnd(), { deliveries: [delivery] })]);
    for (let attempt = 1; attempt <= ROUNDS; attempt += 1) {
      const next = { state: 'pending', nextAttemptAt: T0 } as const;
      const verdicts = await both((node) =>
        node.commit([newSettle(delivery.id, { attempt, next })]),
      );
      expect(wordsOf(verdicts)).toEqual(['ok', 'stale']);
    }
    const verdicts = await both((node) =>
      node.commit([newSettle(delivery.id, { attempt: ROUNDS + 1 })]),
    );
    expect(wordsOf(verdicts)).toEqual(['gone', 'ok']);
    expect(await nodes[0].jobs.deliveries(job.id)).toMatchObject([{ attempts: ROUNDS + 1 }]);
  });

  it('write down an account and a line that nobody has named before, once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const origin = `https://new-${round}.test`;
      const spec = newSpec({ userId: `user ${round}` });
      const verdicts = await both((node) =>
        node.commit([submitted(newJob({ spec, work: [newWork({ origin })] }))]),
      );
      expect(wordsOf(verdicts)).toEqual(['ok', 'ok']);
    }
    const lines = await nodes[0].work.lines();
    expect(lines.map(({ ready }) => ready)).toEqual(Array(ROUNDS).fill(2));
  });

  it('replace the holder of a key once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const first = newJob();
      await nodes[0].commit([submitted(first)]);
      const end = newEnd({ state: 'cancelled', path: null });
      const verdicts = await both((node) =>
        node.commit([
          {
            type: 'replace',
            ending: endingAdvance(first.id, 1, end),
            job: newJob({ idempotency: first.idempotency }),
          },
        ]),
      );
      // The holder has ended, and does not hold the key: either is told.
      expect(wordsOf(verdicts)).toContain('ok');
      expect(['gone', 'stale'].some((word) => wordsOf(verdicts).includes(word))).toBe(true);
    }
    expect(await nodes[0].jobs.counts()).toMatchObject({ pending: ROUNDS, cancelled: ROUNDS });
  });
});
