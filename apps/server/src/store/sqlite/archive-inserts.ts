import type { ArchiveColumns, ArchiveRow, ArchiveValues } from '../archive/archive-tables.ts';
import { identifierBytes } from '../rows/identifier.ts';
import { idempotencyKeyHash, restoredKey, storedFingerprint } from '../rows/stored-claim.ts';
import type { Connection, SqlValue } from './connection.ts';

type SqlValues = Readonly<Record<string, SqlValue>>;

/** Puts a row in; its columns are the names of the values. */
export function insert(connection: Connection, table: string, values: SqlValues): void {
  const names = Object.keys(values);
  const columns = names.map((name) => `"${name}"`).join(', ');
  const places = names.map(() => '?').join(', ');
  const statement = connection.prepare(`INSERT INTO "${table}" (${columns}) VALUES (${places})`);
  statement.run(...Object.values(values));
}

/** Values of an archive as the columns hold them. */
export function sqlValues(columns: ArchiveColumns, values: ArchiveValues): SqlValues {
  return Object.fromEntries(
    Object.entries(columns).map(([name, { kind }]) => {
      const value = values[name] ?? null;
      if (typeof value === 'boolean') return [name, value ? 1 : 0];
      return [name, kind === 'id' && value !== null ? identifierBytes(String(value)) : value];
    }),
  );
}

const PAYLOAD = ['plan_version', 'method', 'url', 'spec', 'body'] as const;
const RUN = ['version', 'wake_at', 'armed'] as const;
const DEAD = 2;

/** Puts a job in with all that hangs on it, under the number given. */
export function insertJob(
  connection: Connection,
  job: number,
  { columns, parts: partColumns }: JobShape,
  { values, parts }: ArchiveRow,
): void {
  const { run, attempts_given, is_key_holder, ...others } = sqlValues(columns, values);
  const payload = taken(others, PAYLOAD);
  const live = taken(others, RUN);
  const fingerprint = storedFingerprint(String(values['fingerprint']));
  insert(connection, 'jobs', { id: job, ...left(others, [...PAYLOAD, ...RUN]), fingerprint });
  insert(connection, 'job_payloads', { job, ...payload });
  if (run !== null && run !== undefined) {
    insert(connection, 'runs', { job, ...live, attempts: attempts_given ?? 0, data: run });
  }
  const organization = others['organization'] ?? null;
  const account = others['account'] ?? null;
  const key = typeof values['idempotent_key'] === 'string' ? values['idempotent_key'] : null;
  insert(connection, 'idempotency_keys', {
    organization,
    key_hash: idempotencyKeyHash(restoredKey(key, fingerprint)),
    scope: others['scope'] ?? '',
    retired: is_key_holder === 1 ? 0 : job,
    job,
  });
  const each = (name: string): readonly SqlValues[] =>
    (parts[name] ?? []).map((row) => sqlValues(partColumns[name] ?? {}, row));
  for (const row of each('work')) insert(connection, 'work', { job, account, ...row });
  for (const { attempt, ...row } of each('attempts')) {
    insert(connection, 'attempts', { id: job * 1_048_576 + Number(attempt), ...row });
  }
  for (const { webhook, ...row } of each('deliveries')) {
    const dead = row['state'] === DEAD ? organization : null;
    const id = job * 4096 + Number(webhook);
    insert(connection, 'deliveries', { id, ...row, dead_organization: dead });
  }
  for (const { webhook, ...row } of each('delivery_attempts')) {
    insert(connection, 'delivery_attempts', { delivery: job * 4096 + Number(webhook), ...row });
  }
}

interface JobShape {
  readonly columns: ArchiveColumns;
  readonly parts: Readonly<Record<string, ArchiveColumns>>;
}

function taken(values: SqlValues, names: readonly string[]): SqlValues {
  return Object.fromEntries(names.map((name) => [name, values[name] ?? null]));
}

function left(values: SqlValues, names: readonly string[]): SqlValues {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}
