import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { proveCrashes } from './crash.ts';

const KILLS = 10;

test(`killed ${KILLS} times at random moments, a server loses no accepted job and repeats only what was armed`, async () => {
  await using folder = await temporaryFolder();
  const report = await proveCrashes({
    folder: folder.path,
    kills: KILLS,
    longestLifeMs: 500,
    random: Math.random,
  });
  expect(report.contradictions).toEqual([]);
  expect(report.kills).toBe(KILLS);
  expect(report.accepted).toBeGreaterThan(0);
  expect(report.spawned).toBeGreaterThan(0);
}, 120_000);
