import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Store } from '@ezthrottle/engine';
import { type Config, readSettings } from '../config.ts';
import { ConfigError } from '../config/config-error.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { type ReEncryption, reEncrypt } from '../tenancy/re-encrypt.ts';
import { createSecretBox } from '../tenancy/secret-box.ts';
import type { CommandLine } from './arguments.ts';
import { sourcesOf } from './config-sources.ts';
import { lockDataFolder } from './data-lock.ts';

/** Secrets are left that none of the given keys opens. */
class SecretsLeftError extends Error {
  readonly code = 'secrets_left';
  override readonly name = 'SecretsLeftError';
}

/** There is nothing to seal anew. */
class NoDatabaseError extends Error {
  readonly code = 'no_database';
  override readonly name = 'NoDatabaseError';
}

/**
 * Seals every stored secret under the newest master key. It takes a data folder for itself: what a running server
 * has read, it could not open any more when it lacks the new key. Nodes of a database go on, and must have it.
 */
export async function runReEncrypt(line: CommandLine): Promise<void> {
  const { config, problems } = readSettings('start', sourcesOf(line));
  // Nobody is let in, so no API key is needed.
  const serious = problems.filter(({ where }) => where !== '--api-key');
  if (serious.length > 0) throw new ConfigError(serious);
  const box = createSecretBox(config.masterKey ?? '', config.formerMasterKeys);
  const place = await openPlace(config);
  const { store } = place;
  try {
    const commit = store.commit.bind(store);
    const done = await reEncrypt({ reads: store.tenancy, commit, box });
    const notNeeded = box.keyIds.filter((id) => id !== done.keyId && !done.left.has(id));
    process.stdout.write(line.json ? jsonOf(done, notNeeded) : textOf(done, notNeeded));
    if (done.left.size > 0) {
      throw new SecretsLeftError('give the master keys that are missing with --former-master-keys');
    }
  } finally {
    await place.close();
  }
}

interface OpenPlace {
  readonly store: Store;
  close(): Promise<void>;
}

async function openPlace(config: Config): Promise<OpenPlace> {
  if (config.databaseUrl === null) return await openFolder(config.dataDir);
  const { openPostgresStore } = await import('../store/postgres/postgres-store.ts');
  const store = await openPostgresStore({
    url: config.databaseUrl,
    schema: config.databaseSchema,
    prepare: config.databasePrepare,
    connections: 2,
    migrate: false,
  });
  return { store, close: () => store.close() };
}

async function openFolder(dataDir: string): Promise<OpenPlace> {
  const folder = resolve(dataDir);
  const file = join(folder, 'ezthrottle.db');
  // What is opened is made where it is missing, and a mistyped folder would pass for one without secrets.
  if (!existsSync(file)) {
    throw new NoDatabaseError(`there is no database in ${folder}; name its folder with --data-dir`);
  }
  const unlock = lockDataFolder(folder);
  try {
    const store = await openSqliteStore({ file });
    return {
      store,
      close: async () => {
        await store.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function textOf({ keyId, resealed, left }: ReEncryption, notNeeded: readonly string[]): string {
  const lines = [`${resealed} secrets sealed anew under master key ${keyId}`];
  for (const id of notNeeded) lines.push(`master key ${id} is not needed any more`);
  for (const [id, count] of left) {
    lines.push(`master key ${id} is still needed: ${count} secrets could not be opened`);
  }
  return `${lines.join('\n')}\n`;
}

function jsonOf({ keyId, resealed, left }: ReEncryption, notNeeded: readonly string[]): string {
  const result = { masterKey: keyId, resealed, notNeeded, stillNeeded: Object.fromEntries(left) };
  return `${JSON.stringify(result)}\n`;
}
