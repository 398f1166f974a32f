import type { Operation } from '@ezthrottle/engine';
import {
  endingAdvance,
  newAdvance,
  newClaim,
  newDelivery,
  newJob,
  newSettle,
  testId,
} from '@ezthrottle/testkit/store-data';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Wave, wavesOf } from './waves.ts';

const jobId = (slot: number): string => testId(0x10 + slot);
const deliveryId = (slot: number): string => testId(0x20 + slot);

const slot = fc.integer({ min: 0, max: 3 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(slot, slot).map(
    ([id, key]): Operation => ({
      type: 'submit',
      job: newJob({ id: jobId(id), idempotency: newClaim(`key ${key}`) }),
    }),
  ),
  slot.map((id) => newAdvance(jobId(id), 1)),
  fc.tuple(slot, slot, slot).map(([id, child, delivery]) =>
    endingAdvance(jobId(id), 1, undefined, {
      children: [newJob({ id: jobId(child), idempotency: newClaim(`key ${child}`) })],
      deliveries: [newDelivery({ id: deliveryId(delivery) })],
    }),
  ),
  fc.array(slot, { maxLength: 2 }).map(
    (ids): Operation => ({
      type: 'stage',
      rows: ids.map((id) => ({ jobId: jobId(id), leg: 0 })),
    }),
  ),
  slot.map((id) => newSettle(deliveryId(id))),
  slot.map(
    (id): Operation => ({ type: 'end_delivery', deliveryId: deliveryId(id), reason: 'gone' }),
  ),
  fc.constant<Operation>({ type: 'put_pace', rows: [] }),
);

function indexesOf(wave: Wave): readonly number[] {
  return wave.kind === 'alone' ? [wave.placed.index] : wave.operations.map(({ index }) => index);
}

/** Jobs and deliveries by name, whoever touches them. */
function touched(one: Operation): readonly string[] {
  switch (one.type) {
    case 'submit':
      return [one.job.id];
    case 'advance':
      return [
        one.jobId,
        ...one.children.map(({ id }) => id),
        ...one.deliveries.map(({ id }) => id),
      ];
    case 'stage':
      return one.rows.map((row) => row.jobId);
    case 'settle_delivery':
    case 'end_delivery':
      return [one.deliveryId];
    default:
      return [];
  }
}

describe('wavesOf', () => {
  it('keeps every operation, in order', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), fc.boolean(), (batch, isInOrder) => {
        const indexes = wavesOf(batch, isInOrder).flatMap(indexesOf);
        expect(indexes).toEqual([...batch.keys()]);
      }),
    );
  });

  it('puts nothing together that touches the same job or delivery', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), (batch) => {
        for (const wave of wavesOf(batch, false)) {
          if (wave.kind === 'alone') continue;
          const names = wave.operations.flatMap((placed) => [
            ...new Set(touched(placed.operation)),
          ]);
          expect(new Set(names).size).toBe(names.length);
        }
      }),
    );
  });

  it('keeps to one type in each wave when the order counts', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), (batch) => {
        for (const wave of wavesOf(batch, true)) {
          if (wave.kind === 'alone') continue;
          expect(new Set(wave.operations.map((placed) => placed.operation.type)).size).toBe(1);
        }
      }),
    );
  });

  it('writes what has nothing to do with each other together, submits under one key as well', () => {
    const submit = (): Operation => ({
      type: 'submit',
      job: newJob({ idempotency: newClaim('the same') }),
    });
    const batch = [submit(), newSettle(deliveryId(1)), submit(), newAdvance(jobId(2), 1), submit()];
    expect(wavesOf(batch, false).map(indexesOf)).toEqual([[0, 1, 2, 3, 4]]);
    const pace: Operation = { type: 'put_pace', rows: [] };
    expect(wavesOf([submit(), pace, submit()], false).map(indexesOf)).toEqual([[0], [1], [2]]);
  });
});
