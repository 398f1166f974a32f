import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { API_KEY, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../src/clock.ts';
import { examineFolder, type FolderExamination } from '../src/doctor/examine-folder.ts';
import type { Finding } from '../src/doctor/finding.ts';
import { openConnection } from '../src/store/sqlite/connection.ts';
import { MIGRATIONS } from '../src/store/sqlite/migrations.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-doctor-'));
  file = join(folder, 'ezthrottle.db');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function examine(changes: Partial<FolderExamination> = {}): readonly Finding[] {
  return examineFolder({
    folder,
    keyIds: ['a-key'],
    clock: systemClock,
    migrations: MIGRATIONS,
    ...changes,
  });
}

function of(findings: readonly Finding[], check: string): Finding {
  const found = findings.find((finding) => finding.check === check);
  if (found === undefined) throw new Error(`nothing was found out about ${check}`);
  return found;
}

function bad(findings: readonly Finding[]): readonly string[] {
  return findings.filter(({ status }) => status === 'fail').map(({ check }) => check);
}

describe('of a data folder', () => {
  test('nothing is wrong when it is new, or in use by a server', async () => {
    expect(bad(examine())).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    const store = await openSqliteStore({ file });
    try {
      await store.commit([{ type: 'put_organization', organization: ORGANIZATION }]);
      const findings = examine();
      expect(bad(findings)).toEqual([]);
      expect(of(findings, 'integrity').status).toBe('ok');
      expect(of(findings, 'folder_privacy').status).toBe('ok');
      expect(of(findings, 'migrations').message).toContain('as it should');
    } finally {
      await store.close();
    }
  });

  test('that is not there, it is said who makes it', () => {
    const finding = of(examine({ folder: join(folder, 'not/yet') }), 'folder');
    expect(finding).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('`start` makes it'),
    });
  });

  test('a file in its place is told', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(bad(examine({ folder: join(folder, 'file') }))).toEqual(['folder']);
  });

  test('others who get into it are told', () => {
    chmodSync(folder, 0o755);
    expect(of(examine(), 'folder_privacy')).toMatchObject({
      status: 'warn',
      fix: `chmod go-rwx ${folder}`,
    });
  });

  test('a slow disk is told', () => {
    let now = 0;
    const clock = { monotonic: () => (now += 25) };
    expect(of(examine({ clock }), 'disk_time')).toMatchObject({ status: 'warn' });
  });

  test('a damaged file is told, and one that is none', async () => {
    writeFileSync(file, 'this is no database, though it is long enough to be one'.repeat(100));
    expect(bad(examine())).toEqual(['integrity']);
    rmSync(file);
    mkdirSync(file);
    expect(bad(examine())).toEqual(['integrity']);
  });

  test('a newer schema and a lost master key are told', async () => {
    const store = await openSqliteStore({ file });
    await store.commit([
      { type: 'put_organization', organization: ORGANIZATION },
      { type: 'put_api_key', apiKey: API_KEY },
    ]);
    await store.close();
    const connection = openConnection({ file });
    connection.execute("INSERT INTO schema_migrations VALUES (9999, 'newest', 0)");
    connection.execute(
      `INSERT INTO webhook_secrets (organization, primary_key_id, primary_nonce, primary_ciphertext, updated_at)
       SELECT id, 'lost-key', '', '', 0 FROM organizations`,
    );
    connection.close();
    const findings = examine();
    expect(bad(findings)).toEqual(['migrations', 'master_key']);
    expect(of(findings, 'master_key').message).toContain('lost-key (it has a-key)');
  });
});
