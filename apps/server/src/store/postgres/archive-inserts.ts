import { randomUUID } from 'node:crypto';
import { JOB_STATES } from '@ezthrottle/core/protocol';
import { type Id, lineOf, slotOf, slotOfEndpoint } from '@ezthrottle/engine';
import {
  ARCHIVE_TABLES,
  type ArchiveRow,
  type ArchiveTable,
  type ArchiveValues,
} from '../archive/archive-tables.ts';
import { JOB_STATE_CODES } from '../rows/codes.ts';
import { optionalText, type Row, text } from '../rows/row.ts';
import { fingerprintBytes } from '../rows/stored-claim.ts';
import { restoredSpec } from '../rows/stored-spec.ts';
import { ARCHIVE_SHAPES, type ArchiveShape } from './archive-shapes.ts';
import { Columns, type RowOf, unnested } from './columns.ts';
import type { Connection } from './database.ts';
import { keyOfJob } from './key-of-job.ts';

/** More than the columns of one table: each takes those that it has. */
type Values = Readonly<Record<string, null | number | string | boolean | Uint8Array>>;

/** Tables that number their rows. */
const NUMBERED = [
  'organizations',
  'api_keys',
  'accounts',
  'destinations',
  'signing_keys',
  'audit_log',
  'redrives',
];
const JOBS_PER_BLOCK = 1024;

/** Fills an empty schema from the rows of an archive, and adds what follows from them. */
export class ArchiveInserts {
  readonly #connection: Connection;
  readonly #organizations = new Map<number, Id>();
  /** Of destinations. */
  readonly #slots = new Map<number, number>();
  readonly #counts = new Map<string, number>();
  #jobs = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @throws Rejection for text with a zero byte where PostgreSQL holds none. */
  async insert(table: ArchiveTable, rows: readonly ArchiveRow[]): Promise<void> {
    const waiting = new Map<string, Values[]>();
    const add = (name: string, values: Values): void => {
      const known = waiting.get(name);
      if (known === undefined) waiting.set(name, [values]);
      else known.push(values);
    };
    for (const row of rows) {
      if (table.name === 'jobs') this.#addJob(row, add);
      else add(table.name, { ...row.values, slot: this.#slotOfRow(table.name, row.values) });
    }
    for (const [name, values] of waiting) await this.#put(name, values);
  }

  /** Numbers go on behind those that came, and what is counted is counted. */
  async finish(): Promise<void> {
    const connection = this.#connection;
    for (const table of NUMBERED) {
      await connection.query(
        `SELECT setval(pg_get_serial_sequence($1, 'id'), max(id)) FROM {${table}}
         HAVING max(id) IS NOT NULL`,
        [`"${connection.schema}".${table}`],
      );
    }
    const block = Math.max(1, Math.floor(this.#jobs / JOBS_PER_BLOCK));
    await connection.script(`SELECT setval('{job_blocks}', ${block})`);
    const counts = JOB_STATES.map((state) => this.#counts.get(state) ?? 0);
    await connection.run(
      `INSERT INTO {commit_marks} (instance, number, touched_at, ${JOB_STATES.join(', ')})
       VALUES ($1, 0, 0, ${counts.map((_, index) => `$${index + 2}`).join(', ')})`,
      [randomUUID(), ...counts],
    );
    // Plans are made by what is there now, not by an empty schema.
    for (const { name } of ARCHIVE_TABLES) await connection.script(`ANALYZE {${name}}`);
  }

  /** The slot of a destination, or of what one has taught; null: rows of this table have none. */
  #slotOfRow(table: string, values: ArchiveValues): number | null {
    if (table === 'organizations') {
      this.#organizations.set(Number(values['id']), text(values, 'public_id'));
    }
    if (table === 'destinations') {
      const slot = slotOf(this.#ownerOf(values), text(values, 'origin'));
      this.#slots.set(Number(values['id']), slot);
      return slot;
    }
    return table === 'pace' ? this.#slotOf(values) : null;
  }

  #addJob({ values, parts }: ArchiveRow, add: (table: string, values: Values) => void): void {
    this.#jobs += 1;
    const job = this.#jobs;
    const owner = this.#ownerOf(values);
    const fingerprint = fingerprintBytes(text(values, 'fingerprint'));
    const all = { ...values, id: job, job, fingerprint };
    add('jobs', all);
    if (values['run'] === null) add('ended', { ...all, expires_at: expiryOf(values) });
    else {
      add('runs', {
        ...all,
        slot: homeOf(owner, values),
        is_tagged: values['tags'] !== null,
        attempts: values['attempts_given'] ?? 0,
        data: values['run'] ?? null,
      });
    }
    const isHolder = values['is_key_holder'] === true;
    add('idempotency_keys', { ...keyOfJob(all), retired: isHolder ? 0 : job });
    for (const tag of tagsOf(values)) add('tags', { ...all, tag });
    const { account = null, organization = null } = values;
    for (const [name, rows] of Object.entries(parts)) {
      for (const part of rows) {
        const slot = name === 'work' ? this.#slotOf(part) : slotOfPart(owner, part);
        add(name, { ...part, job, account, organization, slot });
      }
    }
    const state = JOB_STATE_CODES.wordOf(Number(values['state'])) ?? '';
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + 1);
  }

  #ownerOf(values: ArchiveValues): Id {
    return this.#organizations.get(Number(values['organization'])) ?? '';
  }

  #slotOf({ destination }: ArchiveValues): number {
    return this.#slots.get(Number(destination)) ?? 0;
  }

  async #put(table: string, rows: readonly Values[]): Promise<void> {
    const shape = ARCHIVE_SHAPES.get(table) ?? {};
    const columns = new Columns(shape);
    for (const row of rows) columns.add(taken(shape, row));
    const names = Object.keys(shape).map((name) => `"${name}"`);
    await this.#connection.run(
      `INSERT INTO {${table}} (${names.join(', ')}) OVERRIDING SYSTEM VALUE
       SELECT * FROM ${unnested('archived', shape)}`,
      columns.values(),
    );
  }
}

/** The values that a table has columns for. */
function taken(shape: ArchiveShape, values: Values): RowOf<ArchiveShape> {
  return Object.fromEntries(Object.keys(shape).map((name) => [name, values[name] ?? null]));
}

function expiryOf(job: ArchiveValues): number {
  return Number(job['ended_at']) + Number(job['window_ms']);
}

/** A job is at home where its own call goes. */
function homeOf(owner: Id, job: Row): number {
  const spec = restoredSpec({
    method: text(job, 'method'),
    url: text(job, 'url'),
    spec: text(job, 'spec'),
    body: optionalText(job, 'body'),
  });
  return slotOf(owner, lineOf(spec.paths[0]));
}

/** Each tag once. */
function tagsOf(job: ArchiveValues): ReadonlySet<string> {
  const tags: readonly string[] = JSON.parse(optionalText(job, 'tags') ?? '[]');
  return new Set(tags);
}

/** Of a delivery; null: rows of other kinds have none. */
function slotOfPart(owner: Id, part: ArchiveValues): number | null {
  return 'endpoint_id' in part ? slotOfEndpoint(owner, text(part, 'url')) : null;
}
