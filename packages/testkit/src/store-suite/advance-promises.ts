import { describe, expect, it } from 'vitest';
import type { StoredResponse } from '@ezthrottle/engine';
import {
  ORGANIZATION,
  T0,
  endingAdvance,
  newAdvance,
  newArmed,
  newClaim,
  newDelivery,
  newEnd,
  newEnded,
  newJob,
  newRun,
  newWork,
  nextId,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore, submitOf } from './harness.ts';

export function advancePromises(open: OpenStore): void {
  describe('an advance', () => {
    it(
      'replaces the run and adds one to the version',
      onStore(open, async ({ store }) => {
        const job = newJob({ wakeAt: T0 + 5 });
        await given(store, job);
        const run = newRun({
          state: 'processing',
          attempts: 1,
          paths: [{ state: 'running', startedAt: T0 + 20 }],
        });
        const step = newAdvance(job.id, 1, { run, wakeAt: T0 + 70 });
        expect(await commitOne(store, step)).toEqual({ verdict: 'ok' });
        expect(await store.jobs.live([job.id])).toMatchObject([
          { run, version: 2, wakeAt: T0 + 70 },
        ]);
        expect(await store.jobs.get(ORGANIZATION.id, job.id)).toMatchObject({
          state: 'processing',
          startedAt: T0 + 20,
        });
      }),
    );

    it(
      'of a version that is not the stored one changes nothing',
      onStore(open, async ({ store }) => {
        const job = newJob();
        await given(store, job);
        await commitOne(store, newAdvance(job.id, 1));
        for (const version of [1, 3]) {
          const step = endingAdvance(job.id, version, newEnd(), { children: [newJob()] });
          expect(await commitOne(store, step)).toEqual({ verdict: 'stale' });
        }
        expect(await store.jobs.live([job.id])).toMatchObject([{ version: 2 }]);
        expect((await store.jobs.counts()).pending).toBe(1);
      }),
    );

    it(
      'of an unknown job is gone',
      onStore(open, async ({ store }) => {
        expect(await commitOne(store, newAdvance(nextId(), 1))).toEqual({ verdict: 'gone' });
      }),
    );

    it(
      'puts legs in line, changes them and takes them out',
      onStore(open, async ({ store }) => {
        const job = newJob({ work: [newWork({ leg: 0 }), newWork({ leg: 1 })] });
        await given(store, job);
        await commitOne(
          store,
          newAdvance(job.id, 1, {
            removeWork: [0],
            putWork: [
              newWork({ leg: 1, state: 'delayed', readyAt: T0 + 9, origin: 'https://b.test' }),
              newWork({ leg: 2, state: 'armed' }),
            ],
            armed: [newArmed({ leg: 2 })],
          }),
        );
        expect(await store.work.lines()).toEqual([]);
        expect(await store.work.due(T0 + 9, 10)).toMatchObject([
          { jobId: job.id, leg: 1, origin: 'https://b.test', readyAt: T0 + 9 },
        ]);
        expect(await store.work.armed(null, 10)).toEqual([{ jobId: job.id, leg: 2 }]);
      }),
    );

    it(
      'records what attempts gave, and keeps the responses that are asked for',
      onStore(open, async ({ store }) => {
        const armed = [1, 2, 3].map((attempt) => newArmed({ attempt, leg: attempt - 1 }));
        const job = newJob({ armed });
        await given(store, job);
        const response: StoredResponse = {
          status: 201,
          headers: { 'content-type': 'text/plain' },
          body: 'zero \u0000 and 😀',
          bodyEncoding: 'utf8',
          truncated: true,
        };
        const ended = [
          newEnded({ attempt: 2, statusCode: 201, response }),
          newEnded({
            attempt: 1,
            outcome: 'network_error',
            statusCode: null,
            error: 'ECONNRESET',
            startedAt: null,
            retryAt: T0 + 40,
          }),
          newEnded({ attempt: 3, outcome: 'aborted', statusCode: null, startedAt: 'as_armed' }),
        ];
        await commitOne(store, newAdvance(job.id, 1, { ended }));
        expect(await store.jobs.attempts(job.id)).toMatchObject([
          { attempt: 1, outcome: 'network_error', error: 'ECONNRESET', startedAt: null },
          { attempt: 2, outcome: 'response', statusCode: 201, endedAt: T0 + 30 },
          { attempt: 3, outcome: 'aborted', startedAt: T0 + 10 },
        ]);
        const moments = (await store.jobs.attempts(job.id)).map(({ retryAt }) => retryAt);
        expect(moments).toEqual([T0 + 40, undefined, undefined]);
        expect(await store.jobs.responses(job.id, [1, 2, 3])).toEqual([
          { attempt: 2, region: 'local', response },
        ]);
      }),
    );

    it(
      'never gives an attempt number twice, nor believes a token that was not armed',
      onStore(open, async ({ store }) => {
        const job = newJob({ armed: [newArmed({ attempt: 1 })] });
        await given(store, job);
        const again = newAdvance(job.id, 1, { armed: [newArmed({ attempt: 1, token: 'new' })] });
        expect(await commitOne(store, again)).toMatchObject({ verdict: 'rejected' });
        const forged = newAdvance(job.id, 1, { ended: [newEnded({ token: 'other' })] });
        expect(await commitOne(store, forged)).toMatchObject({ verdict: 'rejected' });
        expect(await store.jobs.live([job.id])).toMatchObject([{ version: 1 }]);
        expect(await store.jobs.attempts(job.id)).toMatchObject([{ outcome: null }]);
      }),
    );
  });

  describe('the end of a job', () => {
    it(
      'is written once: work and timer vanish, the state never changes again',
      onStore(open, async ({ store }) => {
        const job = newJob({ wakeAt: T0 + 1, work: [newWork(), newWork({ leg: 1 })] });
        await given(store, job);
        const end = newEnd({ state: 'failed', attempts: [2, 1], error: 'all paths failed' });
        const verdicts = await store.commit([
          endingAdvance(job.id, 1, end),
          endingAdvance(job.id, 1, newEnd({ state: 'completed' })),
          endingAdvance(job.id, 2, newEnd({ state: 'cancelled' })),
        ]);
        expect(verdicts.map((verdict) => verdict.verdict)).toEqual(['ok', 'gone', 'gone']);
        expect(await store.jobs.get(ORGANIZATION.id, job.id)).toMatchObject({
          state: 'failed',
          end,
        });
        expect(await store.jobs.live([job.id])).toEqual([]);
        expect(await store.work.lines()).toEqual([]);
        expect(await store.work.wakeable(T0 + 10, 10)).toEqual([]);
        expect(await store.work.nextWakeAt()).toBeNull();
        expect(await store.jobs.counts()).toMatchObject({ pending: 0, failed: 1, completed: 0 });
      }),
    );

    it(
      'brings its children and deliveries in the same step, each once',
      onStore(open, async ({ store }) => {
        const job = newJob();
        const existing = newJob({ parent: { id: job.id, edge: 'on_success' } });
        const child = newJob({
          parent: { id: job.id, edge: 'fallback[0].on_success' },
          idempotency: newClaim(`${job.id}/x`),
          work: [newWork({ rank: 7 })],
        });
        await given(store, job, existing);
        await commitOne(store, newAdvance(existing.id, 1, { wakeAt: T0 + 3 }));
        const delivery = newDelivery();
        const verdict = await commitOne(
          store,
          endingAdvance(job.id, 1, newEnd(), {
            children: [existing, child, child],
            deliveries: [delivery, delivery],
          }),
        );
        expect(verdict).toEqual({ verdict: 'ok' });
        expect(await store.jobs.children(job.id)).toEqual([
          { id: existing.id, edge: 'on_success' },
          { id: child.id, edge: 'fallback[0].on_success' },
        ]);
        expect(await store.jobs.live([existing.id, child.id])).toMatchObject([
          { version: 2, wakeAt: T0 + 3 },
          { version: 1 },
        ]);
        expect(await store.jobs.deliveries(job.id)).toEqual([
          {
            id: delivery.id,
            jobId: job.id,
            organization: ORGANIZATION.id,
            webhook: 0,
            endpointId: 'endpoint',
            url: 'https://hooks.test/in',
            state: 'pending',
            hasQuorumVote: true,
            receivesContinuation: true,
            attempts: 0,
            statusCode: null,
            error: null,
            deadReason: null,
            nextAttemptAt: T0 + 100,
            createdAt: T0 + 100,
          },
        ]);
        const repeat = newJob({ idempotency: newClaim(`${job.id}/x`) });
        expect(await commitOne(store, submitOf(repeat))).toMatchObject({
          verdict: 'duplicate',
          jobId: child.id,
        });
      }),
    );

    it(
      'brings a child even when a stranger holds its key',
      onStore(open, async ({ store }) => {
        const stranger = newJob({ idempotency: newClaim('derived') });
        const job = newJob();
        const child = newJob({ idempotency: newClaim('derived') });
        await given(store, stranger, job);
        await commitOne(store, endingAdvance(job.id, 1, newEnd(), { children: [child] }));
        expect((await store.jobs.live([child.id])).length).toBe(1);
        const repeat = newJob({ idempotency: newClaim('derived') });
        expect(await commitOne(store, submitOf(repeat))).toMatchObject({ jobId: stranger.id });
        // The child's end starts no window for a key that it does not hold.
        await commitOne(store, endingAdvance(child.id, 1));
        const later = newJob({ idempotency: newClaim('derived'), createdAt: T0 + 1_000_000 });
        expect(await commitOne(store, submitOf(later))).toMatchObject({
          jobId: stranger.id,
          expiresAt: null,
        });
      }),
    );
  });
}
