import { describe, expect, it } from 'vitest';
import {
  API_KEY,
  ORGANIZATION,
  ORIGIN,
  T0,
  endingAdvance,
  newAdvance,
  newArmed,
  newClaim,
  newDelivery,
  newJob,
  newSpec,
  newWork,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore, submitOf } from './harness.ts';

export function durabilityPromises(open: OpenStore): void {
  describe('what was committed', () => {
    it(
      'is there after the store was closed and opened again',
      onStore(open, async ({ store, reopen }) => {
        const ready = newJob({ spec: newSpec({ userId: 'ann' }) });
        const armed = newJob({ work: [newWork({ state: 'armed' })], armed: [newArmed()] });
        const delayed = newJob({ work: [newWork({ state: 'delayed', readyAt: T0 + 5 })] });
        const ended = newJob({ idempotency: newClaim('k') });
        const delivery = newDelivery();
        await given(store, ready, armed, delayed, ended);
        await store.commit([
          newAdvance(ready.id, 1, { wakeAt: T0 + 7 }),
          endingAdvance(ended.id, 1, undefined, { deliveries: [delivery] }),
        ]);

        const again = await reopen();
        const line = { organization: ORGANIZATION.id, origin: ORIGIN, apiKey: API_KEY.id };
        expect(await again.work.lines()).toEqual([{ ...line, userId: 'ann', ready: 1 }]);
        expect(await again.work.armed(null, 10)).toEqual([{ jobId: armed.id, leg: 0 }]);
        expect(await again.work.due(T0 + 5, 10)).toMatchObject([{ jobId: delayed.id }]);
        expect(await again.work.wakeable(T0 + 7, 10)).toEqual([ready.id]);
        expect(await again.deliveries.due(T0 + 100, 10)).toMatchObject([{ id: delivery.id }]);
        expect(await again.jobs.live([ready.id])).toMatchObject([{ version: 2 }]);
        expect(await again.jobs.counts()).toMatchObject({ pending: 3, completed: 1 });
        const repeat = newJob({ idempotency: newClaim('k') });
        expect(await commitOne(again, submitOf(repeat))).toMatchObject({ jobId: ended.id });
        expect(await commitOne(again, endingAdvance(ended.id, 1))).toEqual({ verdict: 'gone' });
      }),
    );
  });

  describe('a closed store', () => {
    it(
      'may be closed again, and refuses what is written to it',
      onStore(open, async ({ store }) => {
        await store.close();
        await store.close();
        await expect(store.commit([submitOf(newJob())])).rejects.toMatchObject({
          code: 'store_failed',
        });
      }),
    );
  });
}
