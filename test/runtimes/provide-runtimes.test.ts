import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withFolderLock } from '../../scripts/services/folder-lock.ts';
import { chosenRuntimes, versionOf } from '../../scripts/services/runtimes.ts';

describe('the runtimes that are tried', () => {
  test('are all of them, unless EZTHROTTLE_RUNTIMES says otherwise', () => {
    const all = chosenRuntimes('');
    expect(all).toEqual(
      expect.arrayContaining(['node20.19', 'node20', 'node22', 'node24', 'node26']),
    );
    expect(all).toEqual(expect.arrayContaining(['bun', 'deno', 'workerd']));
    expect(chosenRuntimes(' bun, node24,bun')).toEqual(['bun', 'node24']);
  });

  test.each(chosenRuntimes(''))('stand in the README with their version: %s', (name) => {
    const readme = join(import.meta.dirname, '../../packages/core/README.md');
    const section = readFileSync(readme, 'utf8').split('## Runtimes')[1];
    expect(section).toContain(versionOf(name));
  });

  test('a name that is not known is an error, and not fewer tests', () => {
    expect(() => chosenRuntimes('bun,node18')).toThrow(/names node18; known are node20\.19, /);
  });
});

describe('a lock of the cache', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ezthrottle-lock-'));
    path = join(folder, 'a.lock');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('lets one work at a time, and is gone afterwards', async () => {
    let working = 0;
    const most: number[] = [];
    const work = async (): Promise<void> => {
      working += 1;
      most.push(working);
      expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
      await Promise.resolve();
      working -= 1;
    };
    await Promise.all([1, 2, 3].map(() => withFolderLock(path, work)));
    expect(most).toEqual([1, 1, 1]);
    expect(existsSync(path)).toBe(false);
  });

  test('is given back when the work fails', async () => {
    await expect(
      withFolderLock(path, () => Promise.reject(new Error('no network'))),
    ).rejects.toThrow('no network');
    expect(existsSync(path)).toBe(false);
  });

  test('of a process that died is taken over', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(path, String(pid));
    await expect(withFolderLock(path, () => Promise.resolve('done'))).resolves.toBe('done');
  });
});
