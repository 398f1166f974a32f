import type { ArchiveTable } from '../archive/archive-tables.ts';

/** Where a table here differs from the archive's. */
interface Shape {
  /** Columns of the archive that are no columns here, as expressions over those that are. */
  readonly read: Readonly<Record<string, string>>;
  /** Columns here that the archive has not, over values of the archive's (`:name`). */
  readonly write: Readonly<Record<string, string>>;
  readonly order?: string;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  attempts: {
    read: { job: 'id / 1048576', attempt: 'id % 1048576' },
    write: { id: ':job * 1048576 + :attempt' },
    order: 'id',
  },
  deliveries: {
    read: { job: 'id / 4096', webhook: 'id % 4096' },
    write: { id: ':job * 4096 + :webhook' },
    order: 'id',
  },
  delivery_attempts: {
    read: { job: 'delivery / 4096', webhook: 'delivery % 4096' },
    write: { delivery: ':job * 4096 + :webhook' },
    order: 'delivery, attempt',
  },
  idempotency_keys: {
    read: { is_holder: 'retired = 0' },
    write: { retired: 'CASE WHEN :is_holder THEN 0 ELSE :job END' },
  },
};

/** Reads a table's columns, in their order in the archive, by the table's key. */
export function selectOf({ name, key, columns }: ArchiveTable): string {
  const shape = SHAPES[name];
  const read = Object.keys(columns).map((column) => {
    const expression = shape?.read[column];
    return expression === undefined ? quoted(column) : `${expression} AS ${quoted(column)}`;
  });
  const order = shape?.order ?? key.map(quoted).join(', ');
  return `SELECT ${read.join(', ')} FROM ${quoted(name)} ORDER BY ${order}`;
}

/** Takes the values of a table's columns, in their order in the archive. */
export function insertOf({ name, columns }: ArchiveTable): string {
  const shape = SHAPES[name];
  const names = Object.keys(columns);
  const values = new Map<string, string>();
  for (const column of names) {
    if (shape?.read[column] === undefined) values.set(column, `:${column}`);
  }
  for (const [column, expression] of Object.entries(shape?.write ?? {})) {
    values.set(column, expression);
  }
  const targets = [...values.keys()].map(quoted).join(', ');
  const expressions = [...values.values()]
    .join(', ')
    .replaceAll(/:(\w+)/g, (_, column: string) => `?${names.indexOf(column) + 1}`);
  return `INSERT INTO ${quoted(name)} (${targets}) VALUES (${expressions})`;
}

/** Whether a table has any row. */
export function probeOf({ name }: ArchiveTable): string {
  return `SELECT 1 FROM ${quoted(name)} LIMIT 1`;
}

/** What follows from the rows of all tables. */
export const DERIVED: readonly string[] = [
  `INSERT INTO tags (organization, tag, state, created_at, public_id, job)
   SELECT jobs.organization, json_each.value, jobs.state, jobs.created_at, jobs.public_id, jobs.id
   FROM jobs, json_each(jobs.tags) WHERE jobs.tags IS NOT NULL
   ON CONFLICT DO NOTHING`,
];

function quoted(name: string): string {
  return `"${name}"`;
}
