import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { proveRedrive } from './redrive.ts';

const JOBS = 500;
const POISON_EVERY = 20;

test('a redrive with poison in it stops by itself, keeps to the limit, and every history is whole', async () => {
  await using folder = await temporaryFolder();
  const report = await proveRedrive({
    folder: folder.path,
    jobs: JOBS,
    poisonEvery: POISON_EVERY,
    perSecond: 200,
    concurrency: 10,
  });
  const { inCanary, inRest, completed } = report;
  expect([inCanary.state, inRest.state, completed.state]).toEqual([
    'stopped',
    'stopped',
    'completed',
  ]);
  expect(inCanary.counts.succeeded + inCanary.counts.failed).toBeLessThanOrEqual(100);
  const failed = [inCanary, inRest, completed].reduce((sum, { counts }) => sum + counts.failed, 0);
  expect(failed).toBe(JOBS / POISON_EVERY);
  // The bucket may be full when it begins, and a call may arrive a little late.
  expect(report.busiestSecond).toBeLessThanOrEqual(1.05);
  expect(report.mostAtOnce).toBeLessThanOrEqual(10);
  expect(report.wholeHistories).toBe(JOBS);
  expect(report.calledTwice).toBe(JOBS);
}, 60_000);
