import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockDataFolder } from '../../src/cli/data-lock.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { temporaryFolder } from '../temporary-store.ts';
import { command } from './archive-process.ts';
import { putOneOfEverything } from './one-of-everything.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let dataDir: string;

function inFolder(name: string): string {
  return join(folder.path, name);
}

beforeAll(async () => {
  folder = await temporaryFolder();
  dataDir = inFolder('data');
  const store = await openSqliteStore({ file: join(dataDir, 'ezthrottle.db') });
  await putOneOfEverything(store);
  await store.close();
});

afterAll(() => folder[Symbol.asyncDispose]());

describe('ezthrottle export and import', () => {
  it('carry a data folder over, through a pipe as through a file', async () => {
    const file = inFolder('archive.jsonl');
    const exported = await command(['export', '--data-dir', dataDir, '--to-file', file]);
    expect([exported.code, exported.out]).toEqual([0, '']);
    expect(exported.err).toMatch(/^exported \d+ rows, 6 of them jobs; digest /);
    expect(exported.err).toContain('sealed with master key key-of-today: the server there needs');
    expect(statSync(file).mode & 0o777).toBe(0o600);

    const archive = readFileSync(file, 'utf8');
    const second = { EZTHROTTLE_DATA_DIR: inFolder('second') };
    const imported = await command(['import'], second, archive);
    expect(imported).toEqual({
      code: 0,
      out: '',
      err: exported.err.replace('exported', 'imported'),
    });
    expect((await command(['export'], second)).out).toBe(archive);
    const third = inFolder('third');
    await command(['import', '--data-dir', third, '--from-file', file]);
    expect((await command(['export', '--data-dir', third])).out).toBe(archive);
  });

  it('leave a file alone that is there already', async () => {
    const taken = inFolder('taken.jsonl');
    writeFileSync(taken, 'mine');
    const refused = await command(['export', '--data-dir', dataDir, '--to-file', taken]);
    expect([refused.code, readFileSync(taken, 'utf8')]).toEqual([1, 'mine']);
    expect(refused.err).toContain('EEXIST');
  });

  it('refuse a target with something in it, and an archive that is not whole', async () => {
    const { out } = await command(['export', '--data-dir', dataDir]);
    const again = await command(['import', '--data-dir', dataDir], {}, out);
    expect([again.code, again.err]).toEqual([
      1,
      expect.stringContaining('the target holds something already (organizations)'),
    ]);
    const cut = await command(['import', '--data-dir', inFolder('cut')], {}, out.slice(0, -500));
    expect([cut.code, cut.err]).toEqual([1, expect.stringMatching(/^ezthrottle: (line|the arch)/)]);
    const empty = await command(['export', '--data-dir', inFolder('cut')]);
    expect(empty.err).toContain('exported 0 rows');
  });

  it('wait for no server: a folder that is in use is left alone', async () => {
    const unlock = lockDataFolder(dataDir);
    const { code, err } = await command(['export', '--data-dir', dataDir]);
    unlock();
    expect([code, err]).toEqual([1, expect.stringContaining('another server is using')]);
  });

  it('make nothing in a folder without a database', async () => {
    const { code, err } = await command(['export', '--data-dir', inFolder('nothing')]);
    expect([code, err]).toEqual([1, expect.stringContaining('there is no database in')]);
    expect(() => statSync(inFolder('nothing'))).toThrow('ENOENT');
  });

  it('say all that is wrong with their flags, and no password', async () => {
    const wrong = ['import', 'word', '--to-file', 'x', '--from-file'];
    const { code, err } = await command(wrong, { DATABASE_URL: 'mysql://u:secret@h/d' });
    expect(code).toBe(2);
    for (const where of ['"word"', '--to-file', '--from-file', 'DATABASE_URL']) {
      expect(err).toContain(where);
    }
    expect(err).not.toContain('secret');
    const both = await command(['export', '--data-dir', 'a', '--database-url', 'postgres://h/d']);
    expect([both.code, both.err]).toEqual([2, expect.stringContaining('beside --database-url')]);
    expect((await command(['export'])).err).toContain('--data-dir is missing');
  });
});
