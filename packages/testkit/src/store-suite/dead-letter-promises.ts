import { describe, expect, it } from 'vitest';
import type { DeadLetterQuery, Id, NewDelivery, NewJob, Store } from '@ezthrottle/engine';
import {
  endingAdvance,
  newDelivery,
  newEnd,
  newJob,
  newPath,
  newSettle,
  newSpec,
  nextId,
  ORGANIZATION,
  OTHER_API_KEY,
  OTHER_ORGANIZATION,
  T0,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore } from './harness.ts';

const ALL: DeadLetterQuery = {
  organization: ORGANIZATION.id,
  endedFrom: null,
  endedBefore: null,
  order: 'newest',
  after: null,
  limit: 100,
};

/** A job that has failed at this moment, with these deliveries. */
async function failed(
  store: Store,
  at: number,
  overrides: Partial<NewJob> = {},
  deliveries: readonly NewDelivery[] = [],
): Promise<Id> {
  const job = newJob(overrides);
  await given(store, job);
  const end = newEnd({ state: 'failed', at, path: null, error: 'status_500' });
  await commitOne(store, endingAdvance(job.id, 1, end, { deliveries }));
  return job.id;
}

/** A delivery that has died of two attempts. */
async function died(
  store: Store,
  at: number,
  overrides: Partial<NewJob> = {},
): Promise<{ readonly id: Id; readonly jobId: Id }> {
  const delivery = newDelivery();
  const jobId = await failed(store, T0 + 100, overrides, [delivery]);
  const next = { state: 'pending', nextAttemptAt: T0 + 200 } as const;
  await commitOne(store, newSettle(delivery.id, { statusCode: 500, next }));
  await commitOne(
    store,
    newSettle(delivery.id, {
      attempt: 2,
      statusCode: null,
      error: 'refused: no',
      startedAt: at - 1,
      endedAt: at,
      next: { state: 'dead', reason: 'gave_up' },
    }),
  );
  return { id: delivery.id, jobId };
}

async function jobIds(store: Store, query: Partial<DeadLetterQuery> = {}): Promise<readonly Id[]> {
  return (await store.deadLetters.jobs({ ...ALL, ...query })).map(({ id }) => id);
}

async function deliveryIds(
  store: Store,
  query: Partial<DeadLetterQuery> = {},
): Promise<readonly Id[]> {
  return (await store.deadLetters.deliveries({ ...ALL, ...query })).map(({ id }) => id);
}

export function deadLetterPromises(open: OpenStore): void {
  describe('dead jobs', () => {
    it(
      'are told with what filters need, also after the store was opened again',
      onStore(open, async ({ store, reopen }) => {
        const redriveOf = nextId();
        const path = newPath({ url: 'https://api.test/x', method: 'PUT' });
        const spec = newSpec({ paths: [path], tags: ['a'], userId: 'ada', redriveOf });
        const job = newJob({ spec });
        await failed(store, T0 + 50, job);
        expect(await (await reopen()).deadLetters.jobs(ALL)).toEqual([
          {
            id: job.id,
            organization: ORGANIZATION.id,
            apiKey: job.apiKey,
            userId: 'ada',
            idempotentKey: job.idempotency.key,
            state: 'failed',
            url: 'https://api.test/x',
            method: 'PUT',
            tags: ['a'],
            racing: false,
            error: 'status_500',
            redriveOf,
            createdAt: T0,
            endedAt: T0 + 50,
          },
        ]);
      }),
    );

    it(
      'are found by the moment of their end, from either side, page by page',
      onStore(open, async ({ store }) => {
        const first = await failed(store, T0 + 10);
        const third = await failed(store, T0 + 30);
        const second = await failed(store, T0 + 20);
        const twin = await failed(store, T0 + 20);
        expect(await jobIds(store)).toEqual([third, twin, second, first]);
        expect(await jobIds(store, { order: 'oldest' })).toEqual([first, second, twin, third]);
        const after = { at: T0 + 20, id: second };
        expect(await jobIds(store, { order: 'oldest', after })).toEqual([twin, third]);
        expect(await jobIds(store, { after })).toEqual([first]);
        const window = { endedFrom: T0 + 20, endedBefore: T0 + 30 };
        expect(await jobIds(store, window)).toEqual([twin, second]);
        expect(await jobIds(store, { limit: 1 })).toEqual([third]);
      }),
    );

    it(
      'are neither those that succeeded, nor those that were cancelled, nor those of others',
      onStore(open, async ({ store }) => {
        for (const state of ['completed', 'cancelled'] as const) {
          const job = newJob();
          await given(store, job);
          await commitOne(store, endingAdvance(job.id, 1, newEnd({ state })));
        }
        await given(store, newJob());
        const organization = OTHER_ORGANIZATION.id;
        const theirs = await failed(store, T0, { organization, apiKey: OTHER_API_KEY.id });
        expect(await jobIds(store)).toEqual([]);
        expect(await jobIds(store, { organization })).toEqual([theirs]);
        expect(await jobIds(store, { organization: nextId() })).toEqual([]);
      }),
    );
  });

  describe('dead deliveries', () => {
    it(
      'are found by the moment of their death and by id, with all of their attempts',
      onStore(open, async ({ store, reopen }) => {
        const spec = newSpec({ userId: 'ada', tags: ['a'] });
        const first = await died(store, T0 + 1_000);
        const second = await died(store, T0 + 2_000, { spec });
        const found = await (await reopen()).deadLetters.deliveries(ALL);
        expect(found).toMatchObject([
          { id: second.id, jobId: second.jobId, userId: 'ada', tags: ['a'], diedAt: T0 + 2_000 },
          { id: first.id, state: 'dead', deadReason: 'gave_up', attempts: 2, userId: '', tags: [] },
        ]);
      }),
    );

    it(
      'have a history of attempts, and are seen by their own organization only',
      onStore(open, async ({ store }) => {
        const { id } = await died(store, T0 + 1_000);
        const { deadLetters } = store;
        expect(await deadLetters.delivery(ORGANIZATION.id, id)).toMatchObject({ state: 'dead' });
        expect(await deadLetters.delivery(OTHER_ORGANIZATION.id, id)).toBeNull();
        expect(await deadLetters.deliveryAttempts(OTHER_ORGANIZATION.id, id)).toEqual([]);
        const [one, two] = await deadLetters.deliveryAttempts(ORGANIZATION.id, id);
        expect(one).toEqual({
          attempt: 1,
          statusCode: 500,
          error: null,
          startedAt: T0 + 110,
          endedAt: T0 + 120,
        });
        expect(two).toMatchObject({ attempt: 2, error: 'refused: no', endedAt: T0 + 1_000 });
      }),
    );

    it(
      'are pending again when they are replayed, and their attempts count on',
      onStore(open, async ({ store }) => {
        const { id } = await died(store, T0 + 1_000);
        const replay = {
          type: 'replay_delivery',
          organization: ORGANIZATION.id,
          deliveryId: id,
          at: T0 + 9_000,
        } as const;
        const theirs = { ...replay, organization: OTHER_ORGANIZATION.id };
        expect(await commitOne(store, theirs)).toEqual({ verdict: 'gone' });
        expect(await commitOne(store, replay)).toEqual({ verdict: 'ok' });
        expect(await commitOne(store, replay)).toEqual({ verdict: 'stale' });
        expect(await deliveryIds(store)).toEqual([]);
        const [due] = await store.deliveries.due(T0 + 9_000, 10);
        const replayed = { at: T0 + 9_000, afterAttempts: 2 };
        expect(due).toMatchObject({
          id,
          state: 'pending',
          attempts: 2,
          deadReason: null,
          replayed,
        });
        expect(await commitOne(store, newSettle(id, { attempt: 3 }))).toEqual({ verdict: 'ok' });
        const found = await store.deadLetters.delivery(ORGANIZATION.id, id);
        expect(found).toMatchObject({ state: 'delivered', attempts: 3, replayed });
        expect(await store.deadLetters.deliveryAttempts(ORGANIZATION.id, id)).toHaveLength(3);
        expect(await commitOne(store, replay)).toEqual({ verdict: 'stale' });
        const unknown = { ...replay, deliveryId: nextId() };
        expect(await commitOne(store, unknown)).toEqual({ verdict: 'gone' });
      }),
    );

    it(
      'can die again, also without an attempt, and be replayed once more',
      onStore(open, async ({ store }) => {
        const { id } = await died(store, T0 + 1_000);
        const organization = ORGANIZATION.id;
        const replay = { type: 'replay_delivery', organization, deliveryId: id } as const;
        await commitOne(store, { ...replay, at: T0 + 9_000 });
        const reason = 'endpoint_disabled' as const;
        await commitOne(store, { type: 'end_delivery', deliveryId: id, reason });
        expect(await deliveryIds(store)).toEqual([id]);
        expect(await commitOne(store, { ...replay, at: T0 + 10_000 })).toEqual({ verdict: 'ok' });
        expect(await store.deadLetters.delivery(organization, id)).toMatchObject({
          replayed: { at: T0 + 10_000, afterAttempts: 2 },
        });
      }),
    );

    it(
      'go out as new ones beside them, each number and id once',
      onStore(open, async ({ store }) => {
        const { id, jobId } = await died(store, T0 + 1_000);
        const copy = newDelivery({ webhook: 16, url: 'https://other.test', nextAttemptAt: T0 + 5 });
        const add = {
          type: 'add_delivery',
          organization: ORGANIZATION.id,
          jobId,
          delivery: copy,
          at: T0 + 5,
        } as const;
        expect(await commitOne(store, { ...add, organization: OTHER_ORGANIZATION.id })).toEqual({
          verdict: 'gone',
        });
        expect(await commitOne(store, add)).toEqual({ verdict: 'ok' });
        expect(await commitOne(store, add)).toEqual({ verdict: 'stale' });
        const another = { ...copy, id: nextId() };
        expect(await commitOne(store, { ...add, delivery: another })).toEqual({ verdict: 'stale' });
        expect(await commitOne(store, { ...add, jobId: nextId() })).toEqual({ verdict: 'gone' });
        const live = newJob();
        await given(store, live);
        expect(await commitOne(store, { ...add, jobId: live.id })).toEqual({ verdict: 'gone' });
        const replayed = { at: T0 + 5, afterAttempts: 0 };
        expect(await store.deadLetters.delivery(ORGANIZATION.id, copy.id)).toMatchObject({
          state: 'pending',
          url: 'https://other.test',
          replayed,
        });
        expect(await deliveryIds(store)).toEqual([id]);
      }),
    );

    it(
      'are told page by page from either side, each organization its own',
      onStore(open, async ({ store }) => {
        const organization = OTHER_ORGANIZATION.id;
        const one = await died(store, T0 + 1_000);
        const two = await died(store, T0 + 2_000);
        const theirs = await died(store, T0, { organization, apiKey: OTHER_API_KEY.id });
        expect(await deliveryIds(store)).toEqual([two.id, one.id]);
        expect(await deliveryIds(store, { order: 'oldest' })).toEqual([one.id, two.id]);
        const after = { at: T0 + 1_000, id: one.id };
        expect(await deliveryIds(store, { order: 'oldest', after })).toEqual([two.id]);
        expect(await deliveryIds(store, { endedBefore: T0 + 2_000 })).toEqual([one.id]);
        expect(await deliveryIds(store, { endedFrom: T0 + 2_000 })).toEqual([two.id]);
        expect(await deliveryIds(store, { organization })).toEqual([theirs.id]);
      }),
    );
  });
}
