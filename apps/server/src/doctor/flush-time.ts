import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@ezthrottle/engine';
import { median } from './database-look.ts';
import { type Finding, ok, warn } from './finding.ts';

const FLUSHES = 9;
const SLOW_MS = 20;
const PAGE = Buffer.alloc(8_192);

/** How long the disk takes to make a page safe, which every commit waits for. */
export function checkFlushTime(folder: string, clock: Pick<Clock, 'monotonic'>): Finding {
  const path = join(folder, `doctor-${process.pid}.tmp`);
  const descriptor = openSync(path, 'wx', 0o600);
  const times: number[] = [];
  try {
    for (let round = 0; round < FLUSHES; round += 1) {
      writeSync(descriptor, PAGE);
      const from = clock.monotonic();
      fsyncSync(descriptor);
      times.push(clock.monotonic() - from);
    }
  } finally {
    closeSync(descriptor);
    rmSync(path, { force: true });
  }
  const usual = median(times);
  const message = `the disk makes a page safe in ${usual.toFixed(1)} ms (of ${FLUSHES}, the slowest ${Math.max(...times).toFixed(1)} ms)`;
  return usual > SLOW_MS
    ? warn('disk_time', message, 'put the folder on a faster disk; every commit waits so long')
    : ok('disk_time', message);
}
