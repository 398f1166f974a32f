import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { type PostgresService, startPostgres } from '../../../scripts/services/postgres.ts';
import { cpuTimeMs } from '../cpu-time.ts';

/** The same for everybody: an answer means that it is on the disk. */
const SETTINGS = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  max_connections: '200',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
};

/** In words, for the report. */
export const DATABASE_SETTINGS: string = Object.entries(SETTINGS)
  .map(([name, value]) => `${name}=${value}`)
  .join(' ');

/**
 * A PostgreSQL of its own on empty storage.
 *
 * @throws Error when somebody else's would be taken, whose durability is not ours to set.
 */
export function startDatabase(): Promise<PostgresService> {
  if ((process.env['TEST_DATABASE_URL'] ?? '') !== '') {
    throw new Error(
      'TEST_DATABASE_URL: unset it, since each system is measured on a database of its own',
    );
  }
  return startPostgres({ settings: SETTINGS });
}

/** Milliseconds of processor time of all its processes, those that have ended included; null: unknown. */
export function databaseTimeMs({ processId }: PostgresService): number | null {
  if (processId === null || process.platform !== 'linux') return null;
  const live = readFileSync(`/proc/${processId}/task/${processId}/children`, 'utf8')
    .split(' ')
    .filter((id) => id !== '')
    .map(Number);
  return [...live, processId].reduce((sum, id) => sum + timeOfTree(id), 0);
}

/** One that has just ended has been counted in with its parent, or will be next time. */
function timeOfTree(processId: number): number {
  try {
    return cpuTimeMs([processId], { withEnded: true }) ?? 0;
  } catch {
    return 0;
  }
}

/** Rows of one statement, over a connection of its own. */
export async function ask(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}
