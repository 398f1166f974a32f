import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { measureRates } from './rate.ts';

const PER_SECOND = 100;
/** The burst that timers need, as `spec/pacing.md` says, and the call that opens the window. */
const BURST = 1 + PER_SECOND * 0.005 + 1;

test('a target of 100 calls a second never gets more, however many jobs wait', async () => {
  await using folder = await temporaryFolder();
  const [report] = await measureRates({
    folder: folder.path,
    perSeconds: [PER_SECOND],
    seconds: 3,
  });
  // Counted from before the first submit, so that a call which travelled slowly only seems later.
  const over = report?.arrivals.filter(
    (at, index) => index + 1 > ((at - report.begunAt) / 1_000) * PER_SECOND + BURST,
  );
  expect(over).toEqual([]);
  expect(report?.arrivals.length).toBeGreaterThan(PER_SECOND);
}, 60_000);
