import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openConnection } from '../src/store/sqlite/connection.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { temporaryFolder } from './temporary-store.ts';

const SUBMITTER = fileURLToPath(new URL('./submit-until-killed.ts', import.meta.url));

/** Runs a submitter and kills it a moment after some acknowledgements; gives the acknowledged ids. */
async function acknowledgedUntilKilled(file: string): Promise<readonly string[]> {
  const child = spawn(process.execPath, ['--conditions=@ezthrottle/source', SUBMITTER, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const enough = 1 + Math.floor(Math.random() * 1_500);
  let output = '';
  let lines = 0;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    output += chunk;
    lines += chunk.split('\n').length - 1;
    // Somewhere within the next batches, not at the edge of one.
    if (lines >= enough) setTimeout(() => child.kill('SIGKILL'), Math.random() * 5);
  });
  const [, signal] = await once(child, 'close');
  expect(signal).toBe('SIGKILL');
  // The last piece is no whole line, and may be no whole id.
  return output.split('\n').slice(0, -1);
}

describe('kill -9', () => {
  it('loses no job that was acknowledged, however often it happens', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'store.db');
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      acknowledged.push(...(await acknowledgedUntilKilled(file)));
    }
    expect(acknowledged.length).toBeGreaterThan(0);

    const store = await openSqliteStore({ file });
    const live = await store.jobs.live(acknowledged);
    expect(live.map((job) => job.id)).toEqual(acknowledged);
    const inLine = (await store.work.lines()).reduce((sum, line) => sum + line.ready, 0);
    // What was written but not acknowledged in time is whole as well.
    expect((await store.jobs.counts()).pending).toBe(inLine);
    expect(inLine).toBeGreaterThanOrEqual(acknowledged.length);
    await store.close();

    const connection = openConnection({ file });
    expect(connection.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    expect(connection.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
    connection.close();
  });
});
