import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { proveDisk, smallFiles } from './disk.ts';
import { injector, whyNoTrace } from './system-trace.ts';

const REFUSED = '503 unavailable';

test('a server whose disk is full refuses submits, ends, and has every accepted job when there is room', async () => {
  await using folder = await temporaryFolder();
  const { submits, ended, said, lost } = await proveDisk({
    folder: folder.path,
    before: smallFiles(3_072),
    longestMs: 20_000,
  });
  expect(lost).toEqual([]);
  expect(submits.accepted.length).toBeGreaterThan(0);
  expect(submits.answers.get(REFUSED)).toBeGreaterThan(0);
  expect([...submits.answers.keys()].toSorted()).toEqual(['201', REFUSED]);
  expect(ended).toBe(1);
  expect(said).toMatch(/the store failed, stopping at once: .*SqliteError/);
}, 60_000);

test('a server whose flush fails refuses submits, ends, and has every accepted job afterwards', async (context) => {
  const why = whyNoTrace();
  if (why !== null) context.skip(`a failing flush was not tried: ${why}`);
  await using folder = await temporaryFolder();
  const { submits, ended, said, lost } = await proveDisk({
    folder: folder.path,
    before: injector('fsync,fdatasync:error=EIO:when=80+', join(folder.path, 'trace')),
    longestMs: 20_000,
  });
  expect(lost).toEqual([]);
  expect(submits.accepted.length).toBeGreaterThan(0);
  expect([...submits.answers.keys()].toSorted()).toEqual(['201', REFUSED]);
  expect(ended).toBe(1);
  expect(said).toMatch(/the store failed, stopping at once: .*disk I\/O error/);
}, 60_000);

test('on a disk that takes 5 ms for a flush, a server that is killed has every accepted job', async (context) => {
  const why = whyNoTrace();
  if (why !== null) context.skip(`a slow flush was not tried: ${why}`);
  await using folder = await temporaryFolder();
  const { submits, ended, lost } = await proveDisk({
    folder: folder.path,
    before: injector('fsync,fdatasync:delay_exit=5000', join(folder.path, 'trace')),
    longestMs: 1_000,
  });
  expect(lost).toEqual([]);
  expect([...submits.answers.keys()]).toEqual(['201']);
  // No answer can be quicker than the flush before it.
  expect(Math.min(...submits.latenciesMs)).toBeGreaterThan(5);
  expect(ended).toBe('SIGKILL');
}, 60_000);
