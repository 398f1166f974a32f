import { describe, expect, it } from 'vitest';
import type { NewJob, Operation, StoredResponse, Store } from '@ezthrottle/engine';
import {
  ORGANIZATION,
  T0,
  endingAdvance,
  newArmed,
  newClaim,
  newDelivery,
  newEnd,
  newEnded,
  newJob,
  newSettle,
  newSpec,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore, submitOf } from './harness.ts';

const LONG_AFTER = T0 + 1_000_000;

function pruneOf(jobsEndedBefore: number, limit = 100, now = LONG_AFTER): Operation {
  return { type: 'prune', now, jobsEndedBefore, limit };
}

async function endedAt(store: Store, at: number, overrides: Partial<NewJob> = {}): Promise<NewJob> {
  const job = newJob(overrides);
  await given(store, job);
  await commitOne(store, endingAdvance(job.id, 1, newEnd({ at })));
  return job;
}

export function prunePromises(open: OpenStore): void {
  describe('pruning', () => {
    it(
      'removes ended jobs past their time, the oldest first, a step at a time',
      onStore(open, async ({ store }) => {
        const youngest = await endedAt(store, T0 + 3);
        const oldest = await endedAt(store, T0 + 1);
        const middle = await endedAt(store, T0 + 2);
        const live = newJob();
        await given(store, live);
        const left = async () =>
          (
            await store.jobs.list({
              organization: ORGANIZATION.id,
              states: null,
              tag: null,
              idempotentKey: null,
              before: null,
              limit: 10,
            })
          ).map((job) => job.id);

        expect(await commitOne(store, pruneOf(T0 + 1))).toMatchObject({ verdict: 'ok' });
        expect((await left()).length).toBe(4);
        await commitOne(store, pruneOf(T0 + 3, 1));
        expect(await left()).not.toContain(oldest.id);
        expect(await left()).toContain(middle.id);
        await commitOne(store, pruneOf(T0 + 3));
        expect((await left()).toSorted()).toEqual([youngest.id, live.id].toSorted());
        expect(await store.jobs.counts()).toMatchObject({ completed: 1, pending: 1 });
      }),
    );

    it(
      'counts the jobs that went',
      onStore(open, async ({ store }) => {
        await endedAt(store, T0 + 1);
        await endedAt(store, T0 + 2);
        await endedAt(store, T0 + 500);
        const prune = pruneOf(T0 + 3);
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 2 });
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 0 });
      }),
    );

    it(
      'takes all that hangs on a job, and leaves its children',
      onStore(open, async ({ store }) => {
        const response: StoredResponse = {
          status: 200,
          headers: {},
          body: 'x',
          bodyEncoding: 'utf8',
          truncated: false,
        };
        const job = newJob({
          armed: [newArmed()],
          spec: newSpec({ tags: ['red'] }),
          idempotency: newClaim('k'),
        });
        const child = newJob({ parent: { id: job.id, edge: 'on_success' } });
        const delivery = newDelivery();
        await given(store, job);
        const end = endingAdvance(job.id, 1, newEnd({ attempt: 1 }), {
          ended: [newEnded({ response })],
          children: [child],
          deliveries: [delivery],
        });
        await store.commit([end, newSettle(delivery.id)]);
        await commitOne(store, pruneOf(LONG_AFTER));

        expect(await store.jobs.get(ORGANIZATION.id, job.id)).toBeNull();
        expect(await store.jobs.attempts(job.id)).toEqual([]);
        expect(await store.jobs.responses(job.id, [1])).toEqual([]);
        expect(await store.jobs.deliveries(job.id)).toEqual([]);
        expect(await store.jobs.get(ORGANIZATION.id, child.id)).toMatchObject({
          parent: child.parent,
        });
        const again = newJob({ ...job, idempotency: newClaim('k') });
        expect(await commitOne(store, submitOf(again))).toEqual({ verdict: 'ok' });
        const tagged = await store.jobs.list({
          organization: ORGANIZATION.id,
          states: null,
          tag: 'red',
          idempotentKey: null,
          before: null,
          limit: 10,
        });
        expect(tagged.map((summary) => summary.id)).toEqual([job.id]);
      }),
    );

    it(
      'never removes a job whose delivery is pending',
      onStore(open, async ({ store }) => {
        const job = newJob();
        const delivery = newDelivery();
        await given(store, job);
        await commitOne(store, endingAdvance(job.id, 1, newEnd(), { deliveries: [delivery] }));
        await commitOne(store, pruneOf(LONG_AFTER));
        expect(await store.jobs.get(ORGANIZATION.id, job.id)).not.toBeNull();
        await commitOne(store, newSettle(delivery.id, { next: { state: 'dead' } }));
        await commitOne(store, pruneOf(LONG_AFTER));
        expect(await store.jobs.get(ORGANIZATION.id, job.id)).toBeNull();
      }),
    );

    it(
      'never removes a job whose key is still taken',
      onStore(open, async ({ store }) => {
        const job = await endedAt(store, T0 + 100, { idempotency: newClaim('k') });
        await commitOne(store, pruneOf(LONG_AFTER, 100, T0 + 1_099));
        const repeat = newJob({ idempotency: newClaim('k'), createdAt: T0 + 1_099 });
        expect(await commitOne(store, submitOf(repeat))).toMatchObject({ jobId: job.id });
        await commitOne(store, pruneOf(LONG_AFTER, 100, T0 + 1_100));
        expect(await store.jobs.get(ORGANIZATION.id, job.id)).toBeNull();
      }),
    );

    it(
      'does not wait for a key that another job holds',
      onStore(open, async ({ store }) => {
        const stranger = newJob({ idempotency: newClaim('k') });
        const job = newJob();
        const child = newJob({ idempotency: newClaim('k', { windowMs: 2_000_000 }) });
        await given(store, stranger, job);
        await commitOne(store, endingAdvance(job.id, 1, newEnd(), { children: [child] }));
        await commitOne(store, endingAdvance(child.id, 1));
        expect(await commitOne(store, pruneOf(LONG_AFTER))).toEqual({ verdict: 'ok', count: 2 });
        expect(await store.jobs.get(ORGANIZATION.id, child.id)).toBeNull();
      }),
    );
  });
}
