import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../config/config-error.ts';
import { hashApiKey } from '../tenancy/api-keys.ts';

/** What opens and signs on a development server. */
export interface DevKeys {
  readonly apiKey: string;
  readonly signingSecret: string;
  /** 32 bytes in base64. */
  readonly masterKey: string;
  /**
   * Hash of the API key that was in the place of this one, and shall open nothing any more; null when
   * there was none. Kept in the file, so that a start that fails half way does not forget it.
   */
  readonly formerKeyHash: string | null;
}

const KEY_BYTES = 32;

/**
 * The keys of the folder's `dev.json`, made on the first run. Given ones take the place of stored
 * ones and are kept. The file is for its owner's eyes only, and written whole or not at all.
 *
 * @throws ConfigError when the file is there but is not ours.
 */
export function loadDevKeys(
  folder: string,
  given: Partial<Omit<DevKeys, 'formerKeyHash'>>,
): DevKeys {
  const path = join(folder, 'dev.json');
  const stored = readStored(path);
  const apiKey =
    given.apiKey ?? stored.apiKey ?? `ezt_dev_${randomBytes(KEY_BYTES).toString('base64url')}`;
  const isReplaced = stored.apiKey !== undefined && stored.apiKey !== apiKey;
  const keys: DevKeys = {
    apiKey,
    signingSecret:
      given.signingSecret ??
      stored.signingSecret ??
      `whsec_${randomBytes(KEY_BYTES).toString('base64')}`,
    masterKey: given.masterKey ?? stored.masterKey ?? randomBytes(KEY_BYTES).toString('base64'),
    formerKeyHash: isReplaced ? hashApiKey(stored.apiKey) : (stored.formerKeyHash ?? null),
  };
  const isKept =
    keys.apiKey === stored.apiKey &&
    keys.signingSecret === stored.signingSecret &&
    keys.masterKey === stored.masterKey;
  if (!isKept) writePrivately(path, `${JSON.stringify(keys, null, 2)}\n`);
  return keys;
}

function readStored(path: string): Partial<DevKeys> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  const content = parse(text);
  const stored: { -readonly [K in keyof DevKeys]?: string } = {};
  for (const name of ['apiKey', 'signingSecret', 'masterKey'] as const) {
    const value = content?.[name];
    if (typeof value !== 'string' || value === '') throw unreadable(path);
    stored[name] = value;
  }
  const former = content?.['formerKeyHash'];
  if (typeof former === 'string') stored.formerKeyHash = former;
  return stored;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === 'object' && content !== null ? { ...content } : null;
  } catch {
    return null;
  }
}

function unreadable(path: string): ConfigError {
  return new ConfigError([
    {
      where: path,
      message: 'cannot be read',
      expected:
        'the file that `ezthrottle dev` wrote; remove the whole folder to start afresh (its jobs go too)',
    },
  ]);
}

function writePrivately(path: string, text: string): void {
  const draft = `${path}.${process.pid}`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}
