import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Operation, Store, Verdict } from '@ezthrottle/engine';
import { API_KEY, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFormerSecrets } from '../src/secrets/former-secrets.ts';
import { createSecretVault } from '../src/secrets/secret-vault.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { reEncrypt } from '../src/tenancy/re-encrypt.ts';
import { createSecretBox, type SecretBox } from '../src/tenancy/secret-box.ts';
import { createSigningKeys } from '../src/tenancy/signing-keys.ts';
import { createSigningSecrets } from '../src/tenancy/signing-secrets.ts';
import { systemClock as clock } from '../src/clock.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const [LOST, OLD, NEW] = [1, 2, 3].map(() => randomBytes(32).toString('base64'));
const organization = ORGANIZATION.id;

let folder: string;
let store: Store;

function open(): Promise<Store> {
  return openSqliteStore({ file: join(folder, 'ezthrottle.db') });
}

function partsWith(box: SecretBox) {
  const commit = async (operation: Operation): Promise<Verdict> => {
    const [verdict] = await store.commit([operation]);
    return verdict ?? { verdict: 'gone' };
  };
  const options = { reads: store.tenancy, commit, box, clock };
  return {
    vault: createSecretVault({
      ...options,
      maxBodyBytes: 1_048_576,
      former: createFormerSecrets({ ...options, reads: store.privacy }),
    }),
    secrets: createSigningSecrets(options),
    keys: createSigningKeys(options),
  };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-keys-'));
  store = await open();
  await store.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
  ]);
  const { vault, secrets, keys } = partsWith(createSecretBox(OLD ?? ''));
  await secrets.put(organization, { primary: 'first-primary', secondary: null });
  await secrets.rotate(organization, 'second-primary');
  await keys.create(organization);
  for (let index = 0; index < 150; index += 1) {
    await vault.put(organization, `SECRET_${index}`, { value: `value ${index}`, origins: ['*'] });
  }
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function command(...flags: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const argv = [
    '--conditions=@ezthrottle/source',
    MAIN,
    're-encrypt',
    ...(flags.includes('--data-dir') ? [] : ['--data-dir', folder]),
    ...flags,
  ];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { env: {} }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

describe('re-encrypting', () => {
  test('seals everything under the newest key, and says which key is not needed any more', async () => {
    await store.close();
    const { out, code } = await command(
      '--master-key',
      NEW ?? '',
      '--former-master-keys',
      OLD ?? '',
    );
    const [oldId, newId] = [OLD, NEW].map((key) => createSecretBox(key ?? '').keyId);
    expect([code, out]).toEqual([
      0,
      `153 secrets sealed anew under master key ${newId}\nmaster key ${oldId} is not needed any more\n`,
    ]);
    store = await open();
    const { vault, secrets, keys } = partsWith(createSecretBox(NEW ?? ''));
    await vault.load();
    expect(vault.open(organization, 'SECRET_149')?.value).toBe('value 149');
    expect(await secrets.secretsOf(organization)).toEqual(['second-primary', 'first-primary']);
    expect(await keys.seedsOf(organization)).toEqual([expect.stringMatching(/^whsk_/)]);
  });

  test('makes nothing in a folder without a database', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'ezthrottle-empty-'));
    const { code, out, err } = await command('--master-key', NEW ?? '', '--data-dir', empty);
    const made = readdirSync(empty);
    rmSync(empty, { recursive: true });
    expect([code, out, made]).toEqual([1, '', []]);
    expect(err).toContain(`there is no database in ${empty}`);
  });

  test('goes on with what is left after it was broken off', async () => {
    const box = createSecretBox(NEW ?? '', [OLD ?? '']);
    let writes = 0;
    const breaking = (batch: readonly Operation[]): Promise<readonly Verdict[]> => {
      writes += 1;
      return writes === 2 ? Promise.reject(new Error('pulled the plug')) : store.commit(batch);
    };
    await expect(reEncrypt({ reads: store.tenancy, commit: breaking, box })).rejects.toThrow(
      'plug',
    );
    const commit = store.commit.bind(store);
    expect((await reEncrypt({ reads: store.tenancy, commit, box })).resealed).toBe(53);
    expect((await reEncrypt({ reads: store.tenancy, commit, box })).resealed).toBe(0);
  });

  test('leaves what no key opens, does all the rest, and names the key that is missing', async () => {
    const lost = createSecretBox(LOST ?? '');
    const { vault } = partsWith(lost);
    for (let index = 0; index < 120; index += 1) {
      await vault.put(organization, `A_LOST_${index}`, { value: 'a lost value', origins: ['*'] });
    }
    await store.close();
    const { out, err, code } = await command(
      '--json',
      '--master-key',
      NEW ?? '',
      '--former-master-keys',
      OLD ?? '',
    );
    store = await open();
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ resealed: 153, stillNeeded: { [lost.keyId]: 120 } });
    expect(err).toContain('--former-master-keys');
    for (const key of [LOST, OLD, NEW]) expect(out + err).not.toContain(key);
  });
});
