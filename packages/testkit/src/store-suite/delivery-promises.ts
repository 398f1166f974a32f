import { describe, expect, it } from 'vitest';
import { LIMITS } from '@ezthrottle/core/protocol';
import type { NewDelivery, NewJob, Store } from '@ezthrottle/engine';
import {
  ORGANIZATION,
  OTHER_ORGANIZATION,
  T0,
  endingAdvance,
  newDelivery,
  newEnd,
  newJob,
  newSettle,
  newSpec,
  nextId,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore } from './harness.ts';

async function endedWith(
  store: Store,
  job: NewJob,
  deliveries: readonly NewDelivery[],
): Promise<void> {
  await given(store, job);
  await commitOne(store, endingAdvance(job.id, 1, newEnd(), { deliveries }));
}

export function deliveryPromises(open: OpenStore): void {
  describe('a delivery', () => {
    it(
      'is found when it is due, the longest overdue first, until it has ended',
      onStore(open, async ({ store }) => {
        const job = newJob();
        const late = newDelivery({ webhook: 0, nextAttemptAt: T0 + 300 });
        const early = newDelivery({ webhook: 1, nextAttemptAt: T0 + 200 });
        await endedWith(store, job, [late, early]);
        expect(await store.deliveries.nextDueAt()).toBe(T0 + 200);
        expect(await store.deliveries.due(T0 + 199, 10)).toEqual([]);
        const due = await store.deliveries.due(T0 + 300, 10);
        expect(due.map((delivery) => delivery.id)).toEqual([early.id, late.id]);
        expect(due[0]).toMatchObject({ jobId: job.id, organization: ORGANIZATION.id, attempts: 0 });
        expect(await store.deliveries.due(T0 + 300, 1)).toMatchObject([{ id: early.id }]);
        await commitOne(store, newSettle(early.id));
        await commitOne(store, newSettle(late.id, { next: { state: 'dead' } }));
        expect(await store.deliveries.due(T0 + 9_999, 10)).toEqual([]);
        expect(await store.deliveries.nextDueAt()).toBeNull();
      }),
    );

    it(
      'can be passed over, and the reader goes on behind it without gaps or repeats',
      onStore(open, async ({ store }) => {
        const moments = [T0 + 200, T0 + 100, T0 + 200, T0 + 200, T0 + 300];
        const deliveries = moments.map((nextAttemptAt, webhook) =>
          newDelivery({ webhook, nextAttemptAt }),
        );
        await endedWith(store, newJob(), deliveries);
        const all = await store.deliveries.due(T0 + 300, 10);
        expect(all.map((delivery) => delivery.nextAttemptAt)).toEqual(
          moments.toSorted((one, other) => one - other),
        );
        for (const limit of [1, 2]) {
          const seen: string[] = [];
          let page = await store.deliveries.due(T0 + 300, limit, null);
          for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
            seen.push(...page.map((delivery) => delivery.id));
            const after = { id: last.id, nextAttemptAt: last.nextAttemptAt ?? 0 };
            page = await store.deliveries.due(T0 + 300, limit, after);
          }
          expect(seen).toEqual(all.map((delivery) => delivery.id));
        }
        expect(await store.deliveries.nextDueAt(T0 + 99)).toBe(T0 + 100);
        expect(await store.deliveries.nextDueAt(T0 + 100)).toBe(T0 + 200);
        expect(await store.deliveries.nextDueAt(T0 + 300)).toBeNull();
      }),
    );

    it(
      'is found after any other one that is due, also among those of the same moment',
      onStore(open, async ({ store }) => {
        const all = [100, 100, 100, 200, 300].map((wait, webhook) =>
          newDelivery({ webhook, nextAttemptAt: T0 + wait }),
        );
        await endedWith(store, newJob(), all);

        const found: string[] = [];
        let [last] = await store.deliveries.due(T0 + 200, 1, null);
        while (last !== undefined) {
          found.push(last.id);
          const after = { id: last.id, nextAttemptAt: last.nextAttemptAt ?? 0 };
          [last] = await store.deliveries.due(T0 + 200, 1, after);
        }

        expect(found).toHaveLength(4);
        expect(new Set(found)).toEqual(new Set(all.slice(0, 4).map(({ id }) => id)));
        expect(await store.deliveries.nextDueAt(T0 + 100)).toBe(T0 + 200);
        expect(await store.deliveries.nextDueAt(T0 + 300)).toBeNull();
      }),
    );

    it(
      'tried in vain waits for its next attempt',
      onStore(open, async ({ store }) => {
        const job = newJob();
        const delivery = newDelivery();
        await endedWith(store, job, [delivery]);
        const failed = newSettle(delivery.id, {
          statusCode: 500,
          error: 'answered 500',
          next: { state: 'pending', nextAttemptAt: T0 + 900 },
        });
        expect(await commitOne(store, failed)).toEqual({ verdict: 'ok' });
        expect(await store.jobs.deliveries(job.id)).toMatchObject([
          {
            state: 'pending',
            attempts: 1,
            statusCode: 500,
            error: 'answered 500',
            nextAttemptAt: T0 + 900,
          },
        ]);
        expect(await commitOne(store, newSettle(delivery.id, { attempt: 2 }))).toEqual({
          verdict: 'ok',
        });
        expect(await store.jobs.deliveries(job.id)).toMatchObject([
          { state: 'delivered', attempts: 2, statusCode: 204, error: null, nextAttemptAt: null },
        ]);
      }),
    );

    it(
      'is settled only by its next attempt, and never after its end',
      onStore(open, async ({ store }) => {
        const delivery = newDelivery();
        await endedWith(store, newJob(), [delivery]);
        for (const attempt of [0, 2]) {
          expect(await commitOne(store, newSettle(delivery.id, { attempt }))).toEqual({
            verdict: 'stale',
          });
        }
        const dead = newSettle(delivery.id, { next: { state: 'dead' } });
        const verdicts = await store.commit([dead, dead, newSettle(delivery.id, { attempt: 2 })]);
        expect(verdicts.map((verdict) => verdict.verdict)).toEqual(['ok', 'gone', 'gone']);
        expect(await commitOne(store, newSettle(nextId()))).toEqual({ verdict: 'gone' });
      }),
    );
  });

  describe('a quorum', () => {
    it(
      'is reached once, by the vote that completes it',
      onStore(open, async ({ store }) => {
        const job = newJob({ spec: newSpec({ webhookQuorum: 2 }) });
        const [first, second, third] = [0, 1, 2].map((webhook) => newDelivery({ webhook }));
        const mute = newDelivery({ webhook: 3, hasQuorumVote: false });
        if (first === undefined || second === undefined || third === undefined) return;
        await endedWith(store, job, [first, second, third, mute]);
        const reachedAt = async () =>
          (await store.jobs.get(ORGANIZATION.id, job.id))?.quorumReachedAt;

        await commitOne(store, newSettle(mute.id, { endedAt: T0 + 1 }));
        const again = { state: 'pending', nextAttemptAt: T0 + 50 } as const;
        await commitOne(store, newSettle(first.id, { endedAt: T0 + 2, next: again }));
        await commitOne(store, newSettle(first.id, { attempt: 2, endedAt: T0 + 3 }));
        expect(await commitOne(store, newSettle(first.id, { attempt: 2 }))).toEqual({
          verdict: 'gone',
        });
        expect(await reachedAt()).toBeNull();
        await commitOne(store, newSettle(second.id, { endedAt: T0 + 4 }));
        expect(await reachedAt()).toBe(T0 + 4);
        await commitOne(store, newSettle(third.id, { endedAt: T0 + 5 }));
        expect(await reachedAt()).toBe(T0 + 4);
      }),
    );

    it(
      'is not reached by one webhook that took the result twice',
      onStore(open, async ({ store }) => {
        const job = newJob({ spec: newSpec({ webhookQuorum: 2 }) });
        const [first, second] = [newDelivery({ webhook: 0 }), newDelivery({ webhook: 1 })];
        await endedWith(store, job, [first, second]);
        const asNew = newDelivery({ webhook: LIMITS.webhooks });
        const { id: organization } = ORGANIZATION;
        const add = { type: 'add_delivery', organization, jobId: job.id, at: T0 } as const;
        await commitOne(store, { ...add, delivery: asNew });
        const reachedAt = async () => (await store.jobs.get(organization, job.id))?.quorumReachedAt;

        await commitOne(store, newSettle(first.id, { endedAt: T0 + 1 }));
        await commitOne(store, newSettle(asNew.id, { endedAt: T0 + 2 }));
        expect(await reachedAt()).toBeNull();
        await commitOne(store, newSettle(second.id, { endedAt: T0 + 3 }));
        expect(await reachedAt()).toBe(T0 + 3);
      }),
    );

    it(
      'is not reached by the dead',
      onStore(open, async ({ store }) => {
        const job = newJob();
        const delivery = newDelivery();
        await endedWith(store, job, [delivery]);
        await commitOne(store, newSettle(delivery.id, { next: { state: 'dead' } }));
        expect(await store.jobs.get(ORGANIZATION.id, job.id)).toMatchObject({
          quorumReachedAt: null,
        });
      }),
    );
  });

  describe('an endpoint that is gone', () => {
    it(
      'is disabled in the step that tells so, and enabled again by its owner',
      onStore(open, async ({ store, reopen }) => {
        const job = newJob();
        const [gone, other] = [
          newDelivery({ endpointId: 'ep_gone', url: 'https://gone.test/in' }),
          newDelivery({ webhook: 1, endpointId: 'ep_other' }),
        ];
        await endedWith(store, job, [gone, other]);
        expect(await store.deliveries.endpoints(ORGANIZATION.id, 10)).toEqual([]);
        const next = { state: 'dead', reason: 'gone' } as const;
        await commitOne(store, newSettle(gone.id, { statusCode: 410, next, endedAt: T0 + 7 }));
        const known = {
          organization: ORGANIZATION.id,
          endpointId: 'ep_gone',
          url: 'https://gone.test/in',
          disabled: { by: 'gone', at: T0 + 7 },
        };
        const later = await reopen();
        expect(await later.deliveries.disabledEndpoints(10)).toEqual([known]);
        expect(await later.deliveries.disabledEndpoints(0)).toEqual([]);
        expect(await later.deliveries.endpoints(ORGANIZATION.id, 10, 'ep_gone')).toEqual([known]);
        expect(await later.deliveries.endpoints(ORGANIZATION.id, 10, 'ep_other')).toEqual([]);
        expect(await later.deliveries.endpoints(OTHER_ORGANIZATION.id, 10)).toEqual([]);
        const put = {
          type: 'put_endpoint',
          organization: ORGANIZATION.id,
          disabled: null,
        } as const;
        expect(await commitOne(later, { ...put, endpointId: 'ep_gone' })).toEqual({
          verdict: 'ok',
        });
        expect(await commitOne(later, { ...put, endpointId: 'ep_other' })).toEqual({
          verdict: 'gone',
        });
        expect(await later.deliveries.disabledEndpoints(10)).toEqual([]);
        expect(await later.deliveries.endpoints(ORGANIZATION.id, 10)).toEqual([
          { ...known, disabled: null },
        ]);
      }),
    );

    it(
      'leaves its deliveries dead, each with its reason, attempted or not',
      onStore(open, async ({ store }) => {
        const job = newJob();
        const [tried, untried] = [newDelivery(), newDelivery({ webhook: 1 })];
        await endedWith(store, job, [tried, untried]);
        const next = { state: 'dead', reason: 'gave_up' } as const;
        await commitOne(store, newSettle(tried.id, { statusCode: 500, next }));
        const ending = { type: 'end_delivery', reason: 'endpoint_disabled' } as const;
        expect(await commitOne(store, { ...ending, deliveryId: untried.id })).toEqual({
          verdict: 'ok',
        });
        expect(await commitOne(store, { ...ending, deliveryId: untried.id })).toEqual({
          verdict: 'gone',
        });
        expect(await store.jobs.deliveries(job.id)).toMatchObject([
          { state: 'dead', deadReason: 'gave_up', attempts: 1, statusCode: 500 },
          { state: 'dead', deadReason: 'endpoint_disabled', attempts: 0, nextAttemptAt: null },
        ]);
        expect(await store.deliveries.due(T0 + 1_000_000, 10)).toEqual([]);
      }),
    );
  });
}
