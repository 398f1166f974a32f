import { describe, expect, it } from 'vitest';
import type { NewJob, ReplaceOperation } from '@ezthrottle/engine';
import {
  ORGANIZATION,
  OTHER_ORGANIZATION,
  T0,
  endingAdvance,
  newAdvance,
  newArmed,
  newClaim,
  newEnd,
  newJob,
  newRun,
  newSpec,
  newWork,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore, submitOf } from './harness.ts';

const CANCELLED = newEnd({ state: 'cancelled', at: T0 + 10, path: null });

/** Another job under the key of the first, of which `version` is known. */
function replacing(first: NewJob, version = 1, overrides: Partial<NewJob> = {}): ReplaceOperation {
  return {
    type: 'replace',
    ending: endingAdvance(first.id, version, CANCELLED),
    job: newJob({ idempotency: first.idempotency, createdAt: T0 + 10, ...overrides }),
  };
}

export function conflictPromises(open: OpenStore): void {
  describe('the holder of a key', () => {
    it(
      'has it until its end, which comes before or behind what asks for the key in one batch',
      onStore(open, async ({ store }) => {
        const claim = newClaim('k', { windowMs: 5 });
        const first = newJob({ idempotency: claim });
        await given(store, first);
        // Long after the window, which is over as soon as the job has ended.
        const [early, late] = ['somebody', 'somebody else'].map((userId) =>
          newJob({ idempotency: claim, createdAt: T0 + 1_000, spec: newSpec({ userId }) }),
        );
        if (early === undefined || late === undefined) throw new Error('two were made');
        const end = endingAdvance(first.id, 1, newEnd({ at: T0 + 1 }));
        expect(await store.commit([submitOf(early), end, submitOf(late)])).toMatchObject([
          { verdict: 'duplicate', jobId: first.id },
          { verdict: 'ok' },
          { verdict: 'ok' },
        ]);
      }),
    );

    it(
      'is named as long as the key is taken, and nothing is written by asking',
      onStore(open, async ({ store }) => {
        const claim = newClaim('k', { windowMs: 50 });
        const job = newJob({ idempotency: claim });
        const ask = (now: number) => store.jobs.holder(ORGANIZATION.id, claim, now);
        expect(await ask(T0)).toBeNull();
        await given(store, job);
        const held = {
          verdict: 'duplicate',
          jobId: job.id,
          state: 'pending',
          createdAt: T0,
          mismatch: false,
          expiresAt: null,
          windowMs: 50,
          attempts: 0,
          racing: false,
        };
        expect(await ask(T0 + 1_000_000)).toEqual(held);
        await commitOne(store, endingAdvance(job.id, 1, newEnd({ at: T0 + 100 })));
        expect(await ask(T0 + 149)).toEqual({
          ...held,
          state: 'completed',
          expiresAt: T0 + 150,
        });
        expect(await ask(T0 + 150)).toBeNull();
      }),
    );

    it(
      'is looked for in its own scope and organization, and told apart by its payload',
      onStore(open, async ({ store }) => {
        const claim = newClaim('k');
        await given(store, newJob({ idempotency: claim }));
        const other = { ...claim, fingerprint: 'two' };
        expect(await store.jobs.holder(ORGANIZATION.id, other, T0)).toMatchObject({
          mismatch: true,
        });
        const elsewhere = { ...claim, scope: 'account' };
        expect(await store.jobs.holder(ORGANIZATION.id, elsewhere, T0)).toBeNull();
        expect(await store.jobs.holder(OTHER_ORGANIZATION.id, claim, T0)).toBeNull();
      }),
    );

    it(
      'tells how many attempts were armed',
      onStore(open, async ({ store }) => {
        const job = newJob({
          run: newRun({ attempts: 1 }),
          work: [newWork({ state: 'armed' })],
          armed: [newArmed()],
        });
        await given(store, job);
        expect(await store.jobs.holder(ORGANIZATION.id, job.idempotency, T0)).toMatchObject({
          attempts: 1,
        });
        const repeat = newJob({ idempotency: job.idempotency });
        expect(await commitOne(store, submitOf(repeat))).toMatchObject({ attempts: 1 });
      }),
    );
  });

  describe('a replacement', () => {
    it(
      'ends the first job and has its key, in one write',
      onStore(open, async ({ store, reopen }) => {
        const first = newJob({ idempotency: newClaim('k') });
        await given(store, first);
        const operation = replacing(first);
        expect(await commitOne(store, operation)).toEqual({ verdict: 'ok', replaced: first.id });
        const { job } = operation;
        const later = await reopen();
        expect(await later.jobs.get(ORGANIZATION.id, first.id)).toMatchObject({
          state: 'cancelled',
          keyWindowMs: 0,
        });
        expect((await later.jobs.live([first.id, job.id])).map(({ id }) => id)).toEqual([job.id]);
        expect((await later.work.lines()).map(({ ready }) => ready)).toEqual([1]);
        expect(await later.jobs.counts()).toMatchObject({ pending: 1, cancelled: 1 });
        const third = newJob({ idempotency: newClaim('k') });
        expect(await commitOne(later, submitOf(third))).toMatchObject({
          verdict: 'duplicate',
          jobId: job.id,
        });
      }),
    );

    it(
      'leaves the first job nothing to stay for',
      onStore(open, async ({ store }) => {
        const first = newJob({ idempotency: newClaim('k', { windowMs: 1_000_000 }) });
        await given(store, first);
        await commitOne(store, replacing(first));
        const prune = { type: 'prune', now: T0 + 20, jobsEndedBefore: T0 + 20, limit: 10 } as const;
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 1 });
        expect(await store.jobs.get(ORGANIZATION.id, first.id)).toBeNull();
        expect(await store.jobs.holder(ORGANIZATION.id, first.idempotency, T0 + 20)).not.toBeNull();
      }),
    );

    it(
      'changes nothing when the first job has moved, has ended, or does not hold the key',
      onStore(open, async ({ store }) => {
        const moved = newJob({ idempotency: newClaim('moved') });
        const ended = newJob({ idempotency: newClaim('ended') });
        const bystander = newJob({ idempotency: newClaim('other') });
        await given(store, moved, ended, bystander);
        await commitOne(store, newAdvance(moved.id, 1));
        await commitOne(store, endingAdvance(ended.id, 1));
        const operations = [
          replacing(moved),
          replacing(ended),
          replacing(bystander, 1, { idempotency: newClaim('moved') }),
        ];
        const verdicts = await store.commit(operations);
        expect(verdicts.map(({ verdict }) => verdict)).toEqual(['stale', 'gone', 'stale']);
        for (const { job } of operations) {
          expect(await store.jobs.get(ORGANIZATION.id, job.id)).toBeNull();
        }
        expect(await store.jobs.counts()).toMatchObject({ pending: 2, completed: 1, cancelled: 0 });
      }),
    );

    it(
      'that cannot be written leaves the first job as it was',
      onStore(open, async ({ store }) => {
        const first = newJob({ idempotency: newClaim('k') });
        await given(store, first);
        const refused = replacing(first, 1, { id: 'not an id' });
        expect(await commitOne(store, refused)).toMatchObject({ verdict: 'rejected' });
        expect(await store.jobs.get(ORGANIZATION.id, first.id)).toMatchObject({ state: 'pending' });
        expect(await commitOne(store, replacing(first))).toMatchObject({ verdict: 'ok' });
      }),
    );
  });
}
