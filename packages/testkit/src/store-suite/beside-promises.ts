import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NewJob, Operation, Verdict } from '@ezthrottle/engine';
import {
  API_KEY,
  endingAdvance,
  newAdvance,
  newArmed,
  newClaim,
  newDelivery,
  newEnded,
  newJob,
  newSettle,
  newSpec,
  newWork,
  nextId,
  ORGANIZATION,
} from './builders.ts';
import { onStore, type OpenStore, submitOf } from './harness.ts';

const OK: Verdict = { verdict: 'ok' };

/** A job's whole life, one operation after the other. */
function lifeOf(job: NewJob): readonly Operation[] {
  const token = nextId();
  const delivery = newDelivery({ id: nextId() });
  return [
    submitOf(job),
    newAdvance(job.id, 1, {
      putWork: [newWork({ state: 'armed' })],
      armed: [newArmed({ token })],
    }),
    endingAdvance(job.id, 2, undefined, {
      ended: [newEnded({ token })],
      deliveries: [delivery],
    }),
    newSettle(delivery.id),
  ];
}

export function besidePromises(open: OpenStore): void {
  describe('batches that are given while others are under way', () => {
    it(
      'find what those before them did with the same job, and with its delivery',
      onStore(open, async ({ store }) => {
        const job = newJob();
        const given = lifeOf(job).map((operation) => store.commit([operation]));
        expect((await Promise.all(given)).flat()).toEqual([OK, OK, OK, OK]);
        expect(await store.jobs.counts()).toMatchObject({ pending: 0, completed: 1 });
        expect(await store.jobs.deliveries(job.id)).toMatchObject([{ state: 'delivered' }]);
      }),
    );

    it(
      'have a key if they came first, and are told of the job that has it if they did not',
      onStore(open, async ({ store }) => {
        const keys = ['a', 'b', 'c'];
        const offers = [keys, keys.toReversed(), keys].map((order) =>
          order.map((key) => newJob({ idempotency: newClaim(key) })),
        );
        const given = offers.map((jobs) => store.commit(jobs.map(submitOf)));
        const [first, ...others] = await Promise.all(given);
        expect(first).toEqual([OK, OK, OK]);
        const holders = offers[0]?.map(({ id }) => ({ verdict: 'duplicate', jobId: id }));
        expect(others).toMatchObject([holders?.toReversed(), holders]);
      }),
    );

    it(
      'come before and behind an operation of any other kind',
      onStore(open, async ({ store }) => {
        const organization = { ...ORGANIZATION, id: nextId() };
        const apiKey = {
          ...API_KEY,
          id: nextId(),
          organization: organization.id,
          hash: 'e'.repeat(64),
        };
        const batches: readonly (readonly Operation[])[] = [
          [submitOf(newJob())],
          [{ type: 'put_organization', organization }],
          [{ type: 'put_api_key', apiKey }],
          [submitOf(newJob({ organization: organization.id, apiKey: apiKey.id }))],
          [{ type: 'prune', now: 0, jobsEndedBefore: 0, limit: 1 }],
        ];
        const verdicts = await Promise.all(batches.map((batch) => store.commit(batch)));
        expect(verdicts.flat()).toMatchObject([OK, OK, OK, OK, OK]);
      }),
    );

    it(
      'name new accounts and lines, each of them once',
      onStore(open, async ({ store }) => {
        const jobs = Array.from({ length: 24 }, (_, number) =>
          newJob({
            spec: newSpec({ userId: `user ${number % 5}` }),
            work: [newWork({ origin: `https://host-${number % 3}.test` })],
          }),
        );
        const batches = [0, 8, 16].map((from) => jobs.slice(from, from + 8).map(submitOf));
        await Promise.all(batches.map((batch) => store.commit(batch)));
        const lines = await store.work.lines();
        expect(new Set(lines.map(({ userId, origin }) => `${userId} ${origin}`)).size).toBe(15);
        expect(lines.reduce((sum, { ready }) => sum + ready, 0)).toBe(24);
      }),
    );

    it('leave the same as one after the other, whichever of them go together', async () => {
      const plan = fc.record({
        jobs: fc.integer({ min: 1, max: 6 }),
        // Whose next operation goes into which batch.
        turns: fc.array(fc.record({ job: fc.nat({ max: 5 }), isNewBatch: fc.boolean() }), {
          maxLength: 30,
        }),
      });
      await fc.assert(
        fc.asyncProperty(plan, async ({ jobs, turns }) => {
          await onStore(open, async ({ store, reopen }) => {
            const lives = Array.from({ length: jobs }, () => lifeOf(newJob()));
            const steps = lives.map(() => 0);
            const batches: Operation[][] = [[]];
            for (const { job, isNewBatch } of turns) {
              const operation = lives[job]?.[steps[job] ?? 0];
              if (operation === undefined) continue;
              steps[job] = (steps[job] ?? 0) + 1;
              if (isNewBatch) batches.push([]);
              batches.at(-1)?.push(operation);
            }
            const verdicts = await Promise.all(batches.map((batch) => store.commit(batch)));
            expect(verdicts).toEqual(batches.map((batch) => batch.map(() => OK)));
            const at = (step: number): number => steps.filter((each) => each === step).length;
            expect(await (await reopen()).jobs.counts()).toMatchObject({
              pending: at(1) + at(2),
              completed: at(3) + at(4),
            });
          })();
        }),
        { numRuns: 25 },
      );
    });
  });
}
