import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../config/config-error.ts';
import { hashApiKey } from '../tenancy/api-keys.ts';
import { DataFolderTakenError, lockDataFolder } from './data-lock.ts';
import { loadDevKeys } from './dev-keys.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-keys-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the keys of a development server', () => {
  test('are made once, for the owner’s eyes only, and kept', () => {
    const first = loadDevKeys(folder, {});
    expect(first.formerKeyHash).toBeNull();
    expect(first.apiKey).toMatch(/^ezt_dev_[\w-]{43}$/);
    expect(first.signingSecret).toMatch(/^whsec_[A-Za-z\d+/]{43}=$/);
    expect(Buffer.from(first.masterKey, 'base64')).toHaveLength(32);
    expect(statSync(join(folder, 'dev.json')).mode & 0o777).toBe(0o600);
    expect(loadDevKeys(folder, {})).toEqual(first);
    expect(readdirSync(folder)).toEqual(['dev.json']);
  });

  test('are replaced by a given one, which is kept from then on', () => {
    const first = loadDevKeys(folder, {});
    const given = { apiKey: 'a-key-that-i-chose' };
    const second = { ...first, ...given, formerKeyHash: hashApiKey(first.apiKey) };
    expect(loadDevKeys(folder, given)).toEqual(second);
    expect(loadDevKeys(folder, {})).toEqual(second);
    expect(readFileSync(join(folder, 'dev.json'), 'utf8')).not.toContain(first.apiKey);
  });

  test('are not guessed when the file is damaged', () => {
    writeFileSync(join(folder, 'dev.json'), '{"apiKey":"half');
    expect(() => loadDevKeys(folder, {})).toThrow(ConfigError);
  });
});

describe('the data folder', () => {
  test('belongs to one server at a time', () => {
    const unlock = lockDataFolder(folder);
    expect(() => lockDataFolder(folder)).toThrow(DataFolderTakenError);
    unlock();
    const unlockAgain = lockDataFolder(folder);
    unlockAgain();
  });
});
