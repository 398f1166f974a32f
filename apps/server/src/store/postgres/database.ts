import { createHash } from 'node:crypto';
import { type PoolClient, type PoolConfig, Pool, type QueryResult, types } from 'pg';
import type { Row } from '../rows/row.ts';
import { InterferenceError } from './interference.ts';
import { failureKindOf } from './postgres-error.ts';

/** A value bound to a statement. Lists of values travel as `Columns` makes them. */
export type SqlValue = null | number | string | boolean | Uint8Array;

/** Runs statements. `{jobs}` in their text stands for the table of this name in the store's schema. */
export interface Queryable {
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** How many rows were written. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Schema of the store's tables. Letters, digits and underscores. Default `ezthrottle`. */
  readonly schema?: string;
  /** Connections at most. Default 4. */
  readonly connections?: number;
  /** Statements are prepared once per connection. A pooler may not carry that. Default true. */
  readonly prepare?: boolean;
  /** Shown in `pg_stat_activity`. Default `ezthrottle`. */
  readonly applicationName?: string;
  /** Told of connections that fail while nobody uses them. Default: nobody is. */
  readonly onIdleError?: (error: Error) => void;
}

/** The option is not the name of a schema. */
class SchemaNameError extends Error {
  readonly code = 'schema_name';
  override readonly name = 'SchemaNameError';

  constructor(schema: string) {
    super(
      `schema: expected a letter or underscore, then letters, digits and underscores, 63 at most, got ${JSON.stringify(schema)}`,
    );
  }
}

const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;
const INT8 = 20;

/** An answer that does not come in this time never comes: the connection is cut and the work done anew. */
const ANSWER_MS = 60_000;

/** A pool of connections to the store's schema. Nothing it does needs a session of its own. */
export class Database implements Queryable {
  readonly schema: string;
  readonly #pool: Pool;
  readonly #texts = new Map<string, Statement>();
  #isPreparing: boolean;

  /** @throws SchemaNameError when the schema's name is none. */
  constructor(options: DatabaseOptions) {
    this.schema = options.schema ?? 'ezthrottle';
    if (!SCHEMA.test(this.schema)) throw new SchemaNameError(this.schema);
    this.#isPreparing = options.prepare ?? true;
    const config: PoolConfig = {
      connectionString: options.url,
      max: options.connections ?? 4,
      application_name: options.applicationName ?? 'ezthrottle',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      pipeline: true,
      types: { getTypeParser: parserOf },
    };
    this.#pool = new Pool(config);
    // Without a listener, a database that restarts would end the process.
    this.#pool.on('error', options.onIdleError ?? (() => {}));
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return (await this.#send(sql, values)).rows;
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#send(sql, values)).rowCount ?? 0;
  }

  #send(sql: string, values: readonly SqlValue[]): Promise<QueryResult<Row>> {
    return this.repeatUnprepared(() => this.#pool.query<Row>(this.#configOf(sql, values)));
  }

  /**
   * Runs a statement, or a whole transaction, and once more without names when it was refused for one of them:
   * then nothing of it was carried out.
   */
  async repeatUnprepared<Result>(act: () => Promise<Result>): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      if (failureKindOf(error) !== 'unprepared') throw error;
      this.stopPreparing();
      return await act();
    }
  }

  /** One connection for as long as its caller needs it. */
  async connect(): Promise<Connection> {
    const client = await this.#pool.connect();
    return new Connection(client, {
      schema: this.schema,
      configOf: (sql, values) => this.#configOf(sql, values),
      onUnprepared: () => this.stopPreparing(),
    });
  }

  /**
   * Does something in one transaction on one connection. What fails is rolled back.
   *
   * @param opening The script that opens it. Default `BEGIN`.
   * @throws InterferenceError when the database has rolled back what was to be committed.
   */
  async inTransaction<Result>(
    act: (connection: Connection) => Promise<Result>,
    opening: string = 'BEGIN',
  ): Promise<Result> {
    const connection = await this.connect();
    let isBroken = true;
    try {
      await connection.script(opening);
      const result = await act(connection);
      const command = await connection.command('COMMIT');
      isBroken = false;
      if (command !== 'COMMIT') throw new InterferenceError(`the database answered ${command}`);
      return result;
    } catch (error) {
      // Where an answer is missing, nothing else is waited for: the end of the connection rolls back as well.
      if (isBroken && failureKindOf(error) !== 'passing')
        isBroken = await isNotRolledBack(connection);
      throw error;
    } finally {
      connection.release(isBroken);
    }
  }

  /** From now on, statements are sent without names. */
  stopPreparing(): void {
    this.#isPreparing = false;
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  #configOf(sql: string, values: readonly SqlValue[]): StatementConfig {
    const statement = this.#statementOf(sql);
    const config = { text: statement.text, values: [...values], query_timeout: ANSWER_MS };
    return this.#isPreparing && values.length > 0 ? { ...config, name: statement.name } : config;
  }

  #statementOf(sql: string): Statement {
    const known = this.#texts.get(sql);
    if (known !== undefined) return known;
    const text = inSchema(sql, this.schema);
    const made = { text, name: nameOf(text) };
    this.#texts.set(sql, made);
    return made;
  }
}

interface Statement {
  readonly text: string;
  readonly name: string;
}

interface StatementConfig {
  readonly text: string;
  readonly values: SqlValue[];
  readonly query_timeout: number;
  readonly name?: string;
}

/** What its pool has settled for a connection. */
interface Habits {
  readonly schema: string;
  readonly configOf: (sql: string, values: readonly SqlValue[]) => StatementConfig;
  /** Names do not survive between here and the server. */
  readonly onUnprepared: () => void;
}

/** One connection of the pool. Statements that are not awaited one by one travel together. */
export class Connection implements Queryable {
  readonly schema: string;
  readonly #client: PoolClient;
  readonly #habits: Habits;

  constructor(client: PoolClient, habits: Habits) {
    this.#client = client;
    this.#habits = habits;
    this.schema = habits.schema;
    // An error of the connection reaches whoever waits for a statement; without one it is seen by the next.
    client.on('error', ignored);
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return (await this.#send(sql, values)).rows;
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#send(sql, values)).rowCount ?? 0;
  }

  /** The transaction around it is lost with it; the next one does without names. */
  async #send(sql: string, values: readonly SqlValue[]): Promise<QueryResult<Row>> {
    try {
      return await this.#client.query<Row>(this.#habits.configOf(sql, values));
    } catch (error) {
      if (failureKindOf(error) === 'unprepared') this.#habits.onUnprepared();
      throw error;
    }
  }

  /** Runs a script of several statements, without values; gives the rows of each. */
  async script(sql: string): Promise<readonly (readonly Row[])[]> {
    // The driver gives a list for several statements, though its types do not say so.
    const config = { text: inSchema(sql, this.schema), query_timeout: ANSWER_MS };
    const answer: unknown = await this.#client.query(config);
    return (Array.isArray(answer) ? answer : [answer]).map(({ rows }) => rows ?? []);
  }

  /**
   * Waits however long it takes. Gives the command that the server has carried out: ROLLBACK is its answer to
   * the COMMIT of what has failed.
   */
  async command(sql: string): Promise<string> {
    return (await this.#client.query(sql)).command;
  }

  /** @param isBroken The connection is not used again. */
  release(isBroken: boolean): void {
    this.#client.off('error', ignored);
    this.#client.release(isBroken);
  }
}

function ignored(): void {}

async function isNotRolledBack(connection: Connection): Promise<boolean> {
  try {
    await connection.command('ROLLBACK');
    return false;
  } catch {
    return true;
  }
}

/**
 * The same for the same text, in every process: behind a pooler that hands sessions on with the statements that
 * others have prepared on them, a name may be taken, but never stands for something else.
 */
function nameOf(text: string): string {
  return `s_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
}

function inSchema(sql: string, schema: string): string {
  return sql.replaceAll(/\{(\w+)\}/g, `"${schema}"."$1"`);
}

/** Row ids, times and counts are whole numbers that JavaScript can hold. */
const parserOf: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === INT8 && format !== 'binary' ? Number : types.getTypeParser(oid, format);
