import { ARCHIVE_TABLES, type ArchiveColumns } from '../archive/archive-tables.ts';

/** What a column is told by. */
type ColumnType = 'int8' | 'bool' | 'text' | 'bytea' | 'uuid';

export type ArchiveShape = Readonly<Record<string, ColumnType>>;

const TYPES = { integer: 'int8', text: 'text', flag: 'bool', id: 'uuid' } as const;

/** Text that users write, which may hold a zero byte. */
const BYTES: ReadonlySet<string> = new Set([
  'accounts.user_id',
  'api_keys.name',
  'audit_log.target',
  'audit_log.actor',
  'audit_log.reason',
  'limits.key',
  'attempts.error',
  'attempts.body',
  'deliveries.error',
  'delivery_attempts.error',
]);

/** Columns that no archive tells, since they follow from others. */
const FURTHER: Readonly<Record<string, ArchiveShape>> = {
  destinations: { slot: 'int8' },
  pace: { slot: 'int8' },
  work: { job: 'int8', account: 'int8', slot: 'int8' },
  attempts: { job: 'int8' },
  deliveries: { job: 'int8', organization: 'int8', slot: 'int8' },
  delivery_attempts: { job: 'int8' },
};

const JOB_SHAPES: Readonly<Record<string, ArchiveShape>> = {
  jobs: {
    id: 'int8',
    public_id: 'uuid',
    organization: 'int8',
    account: 'int8',
    created_at: 'int8',
    racing: 'bool',
    quorum_needed: 'int8',
    plan_version: 'int8',
    fingerprint: 'bytea',
    idempotent_key: 'bytea',
    scope: 'bytea',
    parent: 'uuid',
    edge: 'text',
    tags: 'text',
    method: 'text',
    url: 'text',
    spec: 'text',
    body: 'bytea',
  },
  runs: {
    job: 'int8',
    public_id: 'uuid',
    organization: 'int8',
    account: 'int8',
    slot: 'int8',
    state: 'int8',
    is_tagged: 'bool',
    created_at: 'int8',
    started_at: 'int8',
    window_ms: 'int8',
    version: 'int8',
    wake_at: 'int8',
    attempts: 'int8',
    armed: 'text',
    data: 'text',
  },
  ended: {
    job: 'int8',
    public_id: 'uuid',
    organization: 'int8',
    state: 'int8',
    created_at: 'int8',
    started_at: 'int8',
    ended_at: 'int8',
    expires_at: 'int8',
    end_json: 'text',
  },
  idempotency_keys: {
    organization: 'int8',
    key_hash: 'uuid',
    scope: 'bytea',
    retired: 'int8',
    job: 'int8',
  },
  tags: {
    organization: 'int8',
    tag: 'bytea',
    state: 'int8',
    created_at: 'int8',
    public_id: 'uuid',
    job: 'int8',
  },
};

/** What rows of an archive are written with, by the tables here. */
export const ARCHIVE_SHAPES: ReadonlyMap<string, ArchiveShape> = new Map([
  ...ARCHIVE_TABLES.flatMap(({ name, columns, parts }) => [
    [name, shapeOf(name, columns)] as const,
    ...Object.entries(parts).map(([part, of]) => [part, shapeOf(part, of)] as const),
  ]),
  ...Object.entries(JOB_SHAPES),
]);

function shapeOf(table: string, columns: ArchiveColumns): ArchiveShape {
  const told = Object.entries(columns).map(([name, { kind }]): [string, ColumnType] => [
    name,
    BYTES.has(`${table}.${name}`) ? 'bytea' : TYPES[kind],
  ]);
  return { ...Object.fromEntries(told), ...FURTHER[table] };
}
