import type { DeliveryReads, DeliveryRecord } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import { DueSweep } from './due-sweep.ts';

function due(number: number, nextAttemptAt: number): DeliveryRecord {
  return {
    id: String(number).padStart(6, '0'),
    jobId: 'job',
    organization: 'acme',
    webhook: 0,
    endpointId: 'endpoint',
    url: 'https://hooks.test/',
    state: 'pending',
    hasQuorumVote: true,
    receivesContinuation: false,
    attempts: 0,
    statusCode: null,
    error: null,
    deadReason: null,
    nextAttemptAt,
    createdAt: 0,
  };
}

/** Rows in order of their moment; what is taken stays pending, as it does while it is under way. */
function readsOf(
  rows: DeliveryRecord[],
): Pick<DeliveryReads, 'due' | 'nextDueAt'> & { reads: number; isBroken: boolean } {
  const at = (row: DeliveryRecord): number => row.nextAttemptAt ?? 0;
  const reads = {
    reads: 0,
    isBroken: false,
    async due(now: number, limit: number, after: { id: string } | null = null) {
      reads.reads += 1;
      if (reads.isBroken) throw new Error('disk');
      const found = rows.filter((row) => at(row) <= now);
      const from = after === null ? 0 : found.findIndex(({ id }) => id === after.id) + 1;
      return found.slice(from, from + limit);
    },
    async nextDueAt(after = -1) {
      const later = rows.map(at).filter((moment) => moment > after);
      return later.length === 0 ? null : Math.min(...later);
    },
  };
  return reads;
}

function sweepOver(rows: DeliveryRecord[], take: (row: DeliveryRecord) => boolean) {
  const clock = new FakeClock(0);
  const deliveries = readsOf(rows);
  const errors: unknown[] = [];
  const sweep = new DueSweep({
    clock,
    deliveries,
    take,
    onError: (error) => errors.push(error),
  });
  return { clock, deliveries, sweep, errors };
}

test('what becomes due is found at its moment, not before and not by polling', async () => {
  const taken: string[] = [];
  const rows = [due(1, 0), due(2, 5_000), due(3, 60_000)];
  const { clock, deliveries, sweep } = sweepOver(rows, ({ id }) => taken.push(id) > 0);
  sweep.start();

  await clock.advance(0);
  expect(new Set(taken)).toEqual(new Set(['000001']));
  const readsBefore = deliveries.reads;
  await clock.advance(4_999);
  expect(deliveries.reads).toBe(readsBefore);
  await clock.advance(1);
  expect(new Set(taken)).toEqual(new Set(['000001', '000002']));
  await clock.advance(55_000);
  expect(new Set(taken)).toEqual(new Set(['000001', '000002', '000003']));
  await sweep.stop();
});

test('a long line that cannot be taken does not hide what stands behind it', async () => {
  const line = Array.from({ length: 20_000 }, (_, index) => due(index, index));
  let isFound = false;
  const { clock, deliveries, sweep } = sweepOver([...line, due(999_999, 20_001)], ({ id }) => {
    isFound ||= id === '999999';
    return false;
  });
  clock.jumpWall(30_000);
  sweep.start();

  await clock.advance(0);
  expect(deliveries.reads).toBeLessThanOrEqual(8);
  expect(isFound).toBe(false);
  await clock.advance(15_000);

  expect(isFound).toBe(true);
  await sweep.stop();
});

test('however often it is asked, it rests between two looks', async () => {
  const { clock, deliveries, sweep } = sweepOver([], () => true);
  sweep.start();

  for (let ask = 0; ask < 100; ask += 1) {
    sweep.wakeAt(clock.now());
    await clock.advance(1);
  }

  expect(deliveries.reads).toBeGreaterThan(2);
  expect(deliveries.reads).toBeLessThanOrEqual(6);
  await sweep.stop();
});

test('reads that fail are told and tried again', async () => {
  const taken: string[] = [];
  const { clock, deliveries, sweep, errors } = sweepOver(
    [due(1, 0)],
    ({ id }) => taken.push(id) > 0,
  );
  deliveries.isBroken = true;
  sweep.start();
  await clock.advance(0);
  expect(errors).toHaveLength(1);

  deliveries.isBroken = false;
  await clock.advance(1_000);

  expect(taken).toEqual(['000001']);
  await sweep.stop();
});

test('nothing is read after a stop, nor before a start', async () => {
  const { clock, deliveries, sweep } = sweepOver([due(1, 0)], () => true);

  sweep.wakeAt(0);
  await clock.advance(10);
  sweep.start();
  await sweep.stop();
  sweep.wakeAt(0);
  await clock.advance(10_000);

  expect(deliveries.reads).toBe(0);
});

test('a delivery whose attempt ended while the store was being read is not sent again for it', async () => {
  const taken: string[] = [];
  const clock = new FakeClock(0);
  const rows = [due(1, 0), due(2, 0)];
  const deliveries = readsOf(rows);
  const sweep: DueSweep = new DueSweep({
    clock,
    deliveries: {
      ...deliveries,
      async due(now, limit, after) {
        const found = await deliveries.due(now, limit, after);
        if (taken.length === 0) sweep.ended('000001');
        return found;
      },
    },
    take: ({ id }) => taken.push(id) > 0,
    onError: (error) => expect(error).toBeUndefined(),
  });
  sweep.start();
  await clock.advance(0);
  expect(taken).toEqual(['000002']);

  sweep.wakeAt(clock.now());
  await clock.advance(1_000);
  expect(taken).toContain('000001');
  await sweep.stop();
});
