import { archivedValues } from '../archive/archived-values.ts';
import type { ArchiveRow, ArchiveTable, ArchiveValues } from '../archive/archive-tables.ts';
import { integer, optionalText, type Row } from '../rows/row.ts';
import { idempotencyKeyHash, restoredFingerprint, restoredKey } from '../rows/stored-claim.ts';
import type { Connection, Statement } from './connection.ts';

const JOBS = `SELECT jobs.*, plan_version, method, url, spec, body, version, wake_at,
    attempts AS attempts_given, armed, data AS run
  FROM jobs JOIN job_payloads ON job_payloads.job = jobs.id LEFT JOIN runs ON runs.job = jobs.id
  ORDER BY jobs.id`;

const PARTS: Readonly<Record<string, string>> = {
  work: 'SELECT * FROM work WHERE job = ? ORDER BY leg',
  attempts: `SELECT *, id % 1048576 AS attempt FROM attempts
    WHERE id BETWEEN ?1 * 1048576 AND ?1 * 1048576 + 1048575 ORDER BY id`,
  deliveries: `SELECT *, id % 4096 AS webhook FROM deliveries
    WHERE id BETWEEN ?1 * 4096 AND ?1 * 4096 + 4095 ORDER BY id`,
  delivery_attempts: `SELECT *, delivery % 4096 AS webhook FROM delivery_attempts
    WHERE delivery BETWEEN ?1 * 4096 AND ?1 * 4096 + 4095 ORDER BY delivery, attempt`,
};

/** Jobs with all that hangs on them, as an archive tells them. */
export class ArchivedJobs {
  readonly #table: ArchiveTable;
  readonly #jobs: Statement;
  readonly #parts: readonly (readonly [string, Statement])[];
  readonly #holder: Statement;

  constructor(connection: Connection, table: ArchiveTable) {
    this.#table = table;
    this.#jobs = connection.prepare(JOBS);
    this.#parts = Object.keys(table.parts).map((name) => [
      name,
      connection.prepare(PARTS[name] ?? ''),
    ]);
    this.#holder = connection.prepare(
      `SELECT 1 FROM idempotency_keys
       WHERE organization = ? AND key_hash = ? AND scope = ? AND retired = 0 AND job = ?`,
    );
  }

  *rows(): Iterable<ArchiveRow> {
    for (const row of this.#jobs.iterate()) {
      const told = {
        ...row,
        fingerprint: restoredFingerprint(row['fingerprint']),
        is_key_holder: this.#isHolder(row),
      };
      const parts = this.#parts.map(([name, statement]) => [
        name,
        this.#part(name, statement, row),
      ]);
      yield {
        values: archivedValues(this.#table.columns, told),
        parts: Object.fromEntries(parts),
      };
    }
  }

  #part(name: string, statement: Statement, job: Row): readonly ArchiveValues[] {
    const columns = this.#table.parts[name] ?? {};
    return statement.all(integer(job, 'id')).map((row) => archivedValues(columns, row));
  }

  #isHolder(job: Row): boolean {
    const key = restoredKey(optionalText(job, 'idempotent_key'), job['fingerprint']);
    const found = this.#holder.get(
      integer(job, 'organization'),
      idempotencyKeyHash(key),
      optionalText(job, 'scope') ?? '',
      integer(job, 'id'),
    );
    return found !== undefined;
  }
}
