import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Store } from '@ezthrottle/engine';
import {
  API_KEY,
  ORGANIZATION,
  ORIGIN,
  T0,
  newAdvance,
  newArmed,
  newClaim,
  newDelivery,
  newEnd,
  newJob,
  newRun,
  newSettle,
  newSpec,
  newWork,
  testId,
} from './builders.ts';
import { onStore, type OpenStore } from './harness.ts';
import { type ModelOperation, ModelStore } from './model-store.ts';

/** A move of the game; which operation it is depends on what has happened before. */
type Move =
  | {
      readonly type: 'submit';
      readonly slot: number;
      readonly key: number;
      readonly fingerprint: string;
      readonly at: number;
      readonly isDelayed: boolean;
    }
  | {
      readonly type: 'advance';
      readonly slot: number;
      readonly isStale: boolean;
      readonly does: 'arm' | 'delay' | 'withdraw' | 'wait' | 'end';
      readonly at: number;
    }
  | { readonly type: 'stage'; readonly slots: readonly number[] }
  | {
      readonly type: 'settle';
      readonly slot: number;
      readonly attempt: number;
      readonly gives: 'delivered' | 'dead' | 'pending';
      readonly at: number;
    }
  | { readonly type: 'prune'; readonly now: number; readonly before: number };

const SLOTS = 5;
const slot = fc.integer({ min: 0, max: SLOTS - 1 });
const at = fc.integer({ min: 0, max: 40 });

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    type: fc.constant('submit'),
    slot,
    key: fc.integer({ min: 0, max: 3 }),
    fingerprint: fc.constantFrom('one', 'two'),
    at,
    isDelayed: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('advance'),
    slot,
    isStale: fc.boolean(),
    does: fc.constantFrom('arm', 'delay', 'withdraw', 'wait', 'end', 'end'),
    at,
  }),
  fc.record({ type: fc.constant('stage'), slots: fc.array(slot, { maxLength: 3 }) }),
  fc.record({
    type: fc.constant('settle'),
    slot,
    attempt: fc.integer({ min: 1, max: 2 }),
    gives: fc.constantFrom('delivered', 'dead', 'pending'),
    at,
  }),
  fc.record({ type: fc.constant('prune'), now: at, before: at }),
);

const jobIdOf = (slotNumber: number): string => testId(0x100 + slotNumber);
const deliveryIdOf = (slotNumber: number): string => testId(0x200 + slotNumber);

function operationOf(model: ModelStore, chosen: Move): ModelOperation {
  switch (chosen.type) {
    case 'submit':
      return {
        type: 'submit',
        job: newJob({
          id: jobIdOf(chosen.slot),
          createdAt: T0 + chosen.at,
          spec: newSpec({ tags: chosen.at % 2 === 0 ? ['even', 'any'] : ['any'] }),
          work: [
            newWork(
              chosen.isDelayed
                ? { state: 'delayed', readyAt: T0 + chosen.at }
                : { rank: chosen.at % 3 },
            ),
          ],
          idempotency: newClaim(`key ${chosen.key}`, {
            fingerprint: chosen.fingerprint,
            windowMs: 5,
          }),
        }),
      };
    case 'advance':
      return advanceOf(model, chosen);
    case 'stage':
      return {
        type: 'stage',
        rows: chosen.slots.map((number) => ({ jobId: jobIdOf(number), leg: 0 })),
      };
    case 'settle':
      return newSettle(deliveryIdOf(chosen.slot), {
        attempt: chosen.attempt,
        next:
          chosen.gives === 'pending'
            ? { state: 'pending', nextAttemptAt: T0 + chosen.at }
            : { state: chosen.gives },
      });
    case 'prune':
      return {
        type: 'prune',
        now: Math.max(model.latest, T0 + chosen.now),
        jobsEndedBefore: T0 + chosen.before,
        limit: 100,
      };
  }
}

function advanceOf(model: ModelStore, chosen: Extract<Move, { type: 'advance' }>): ModelOperation {
  const jobId = jobIdOf(chosen.slot);
  const job = model.find(jobId);
  const version = (job?.version ?? 1) + (chosen.isStale ? 1 : 0);
  const moment = T0 + chosen.at;
  switch (chosen.does) {
    case 'arm':
      return newAdvance(jobId, version, {
        run: newRun({ state: 'processing' }),
        putWork: [newWork({ state: 'armed' })],
        armed: [newArmed({ attempt: (job?.attempts ?? 0) + 1 })],
      });
    case 'delay':
      return newAdvance(jobId, version, {
        run: newRun({ state: 'scheduled' }),
        putWork: [newWork({ state: 'delayed', readyAt: moment })],
      });
    case 'withdraw':
      return newAdvance(jobId, version, { removeWork: [0] });
    case 'wait':
      return newAdvance(jobId, version, { wakeAt: moment });
    case 'end': {
      const end = newEnd({ at: moment, state: chosen.at % 2 === 0 ? 'completed' : 'failed' });
      const deliveries = [newDelivery({ id: deliveryIdOf(chosen.slot), nextAttemptAt: moment })];
      return newAdvance(jobId, version, {
        run: newRun({ state: end.state, end }),
        end,
        deliveries: chosen.at % 3 === 0 ? [] : deliveries,
      });
    }
  }
}

async function expectSame(store: Store, model: ModelStore): Promise<void> {
  expect(await store.jobs.counts()).toEqual(model.counts());
  const arrived = model.all().toSorted((one, other) => one.arrival - other.arrival);
  const ids = arrived.map(({ job }) => job.id);
  expect(await store.jobs.live(ids)).toMatchObject(
    arrived
      .filter(({ end }) => end === null)
      .map(({ job, version, wakeAt }) => ({ id: job.id, version, wakeAt })),
  );
  const armed = model
    .work('armed')
    .toSorted((one, other) => one.owner.arrival - other.owner.arrival);
  expect(await store.work.armed(null, 100)).toEqual(
    armed.map(({ owner, work }) => ({ jobId: owner.job.id, leg: work.leg })),
  );
  const line = { organization: ORGANIZATION.id, origin: ORIGIN, apiKey: API_KEY.id, userId: '' };
  const inLine = await store.work.ready(line, null, 100);
  const ready = model
    .work('ready')
    .toSorted(
      (one, other) => one.work.rank - other.work.rank || one.owner.arrival - other.owner.arrival,
    );
  expect(inLine.map((row) => row.jobId)).toEqual(ready.map(({ owner }) => owner.job.id));
  expect(await store.work.lines()).toEqual(
    ready.length === 0 ? [] : [{ ...line, ready: ready.length }],
  );
  await expectSameTimes(store, model);
}

async function expectSameTimes(store: Store, model: ModelStore): Promise<void> {
  const now = T0 + 20;
  const delayed = model.work('delayed').filter(({ work }) => work.readyAt <= now);
  expect((await store.work.due(now, 100)).map((row) => row.readyAt)).toEqual(
    delayed.map(({ work }) => work.readyAt).toSorted((one, other) => one - other),
  );
  const wakeable = model.all().filter(({ wakeAt }) => wakeAt !== null && wakeAt <= now);
  expect((await store.work.wakeable(now, 100)).toSorted()).toEqual(
    wakeable.map(({ job }) => job.id).toSorted(),
  );
  const due = model
    .all()
    .flatMap((job) => job.deliveries)
    .filter(({ nextAttemptAt }) => nextAttemptAt !== null && nextAttemptAt <= now);
  expect((await store.deliveries.due(now, 100)).map((delivery) => delivery.id).toSorted()).toEqual(
    due.map(({ id }) => id).toSorted(),
  );
  await expectSameLists(store, model);
}

async function expectSameLists(store: Store, model: ModelStore): Promise<void> {
  const expected = model
    .all()
    .toSorted(
      (one, other) =>
        other.job.createdAt - one.job.createdAt || (one.job.id < other.job.id ? 1 : -1),
    );
  const states = ['processing', 'completed'] as const;
  for (const filter of [{}, { tag: 'even' }, { states }, { tag: 'any', states }]) {
    const query = { organization: ORGANIZATION.id, idempotentKey: null, before: null, limit: 100 };
    const listed = await store.jobs.list({ ...query, tag: null, states: null, ...filter });
    const matching = expected.filter(
      ({ job, state }) =>
        ('tag' in filter ? job.spec.tags.includes(filter.tag) : true) &&
        ('states' in filter ? filter.states.some((wanted) => wanted === state) : true),
    );
    expect(listed.map(({ id, state }) => [id, state])).toEqual(
      matching.map(({ job, state }) => [job.id, state]),
    );
  }
}

export function modelPromises(open: OpenStore): void {
  describe('any history', () => {
    it('leaves what the plain model says, however it is cut into batches', async () => {
      const batches = fc.array(fc.array(move, { minLength: 1, maxLength: 8 }), { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(batches, async (history) => {
          await onStore(open, async ({ store, reopen }) => {
            const model = new ModelStore();
            for (const moves of history) {
              const played = moves.map((chosen) => {
                const operation = operationOf(model, chosen);
                return { operation, verdict: model.apply(operation) };
              });
              const verdicts = await store.commit(played.map(({ operation }) => operation));
              expect(verdicts).toMatchObject(played.map(({ verdict }) => verdict));
              await expectSame(store, model);
            }
            await expectSame(await reopen(), model);
          })();
        }),
        { numRuns: 60 },
      );
    });
  });
}
