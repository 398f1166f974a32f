import { NoTransactionError, UnknownTransactionError } from '../inbox-errors.ts';

/** Runs a statement with text parameters; gives its rows. */
export type RunStatement = (text: string, values: readonly string[]) => Promise<readonly unknown[]>;

/** A `Client` of `pg` between BEGIN and COMMIT, or anything of yours that runs a statement like it. */
export interface SqlAdapter {
  query(
    text: string,
    values: string[],
  ): PromiseLike<readonly unknown[] | { readonly rows: readonly unknown[] }>;
}

/** What `sql.begin` of `postgres` gives. */
export interface PostgresJsTransaction {
  unsafe(text: string, values: string[]): PromiseLike<readonly unknown[]>;
  readonly savepoint: object;
}

/** What `db.transaction` of Drizzle gives, over `pg` or `postgres`. */
export interface DrizzleTransaction {
  execute(query: string): PromiseLike<unknown>;
  rollback(): never;
}

/** What `db.transaction().execute` of Kysely gives. */
export interface KyselyTransaction {
  readonly isTransaction: true;
  readonly executeQuery: object;
}

/** What `prisma.$transaction` gives to its function. */
export interface PrismaTransaction {
  $queryRawUnsafe(query: string, ...values: string[]): PromiseLike<unknown>;
  readonly $connect?: never;
}

export type InboxTransaction =
  | SqlAdapter
  | PostgresJsTransaction
  | DrizzleTransaction
  | KyselyTransaction
  | PrismaTransaction;

/**
 * How statements are run on this transaction.
 *
 * Throws `NoTransactionError` for what is known and no transaction, and `UnknownTransactionError` for the rest.
 */
export function statementsOf(transaction: unknown): RunStatement {
  if (!isTarget(transaction)) throw new UnknownTransactionError();
  for (const recognise of KINDS) {
    const run = recognise(transaction);
    if (run !== null) return run;
  }
  throw new UnknownTransactionError();
}

/** Gives null for what is of another kind. */
type Recognise = (transaction: object) => RunStatement | null;

const KINDS: readonly Recognise[] = [prisma, kysely, drizzle, postgresJs, pg];

function prisma(client: object): RunStatement | null {
  if (!has(client, '$queryRawUnsafe')) return null;
  if (has(client, '$connect')) {
    throw new NoTransactionError('A PrismaClient', 'what $transaction gives to its function');
  }
  return async (text, values) => rowsOf(await call(client, '$queryRawUnsafe', [text, ...values]));
}

function kysely(database: object): RunStatement | null {
  if (!has(database, 'executeQuery') || !('isTransaction' in database)) return null;
  if (database.isTransaction !== true) {
    throw new NoTransactionError(
      'A Kysely database',
      'what transaction().execute gives to its function',
    );
  }
  return async (text, values) => {
    const query = {
      sql: text,
      parameters: values,
      query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
      queryId: { queryId: 'ezthrottle' },
    };
    return rowsOf(await call(database, 'executeQuery', [query]));
  };
}

function drizzle(database: object): RunStatement | null {
  // `pg` and `postgres` have no `execute`; only Drizzle's transactions can be rolled back by themselves.
  if (!has(database, 'execute') || !has(database, 'transaction')) return null;
  if (!has(database, 'rollback')) {
    throw new NoTransactionError('A Drizzle database', 'what transaction gives to its function');
  }
  return async (text, values) => {
    const compiled = { sql: text, params: [...values] };
    const query = { getSQL: () => ({ toQuery: () => compiled }) };
    return rowsOf(await call(database, 'execute', [query]));
  };
}

function postgresJs(sql: object): RunStatement | null {
  if (!has(sql, 'unsafe')) return null;
  if (!has(sql, 'savepoint')) {
    throw new NoTransactionError('What postgres() gives', 'what begin gives to its function');
  }
  return async (text, values) => rowsOf(await call(sql, 'unsafe', [text, [...values]]));
}

function pg(client: object): RunStatement | null {
  if (!has(client, 'query')) return null;
  if ('totalCount' in client && 'idleCount' in client) {
    throw new NoTransactionError('A pool', 'a client of it, between BEGIN and COMMIT');
  }
  return async (text, values) => {
    const isIdle =
      has(client, 'getTransactionStatus') && call(client, 'getTransactionStatus') === 'I';
    if (isIdle) {
      throw new NoTransactionError(
        'A client outside a transaction',
        'one whose BEGIN has been awaited, before its COMMIT',
      );
    }
    return rowsOf(await call(client, 'query', [text, [...values]]));
  };
}

function rowsOf(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result;
  const rows: unknown = isTarget(result) && 'rows' in result ? result.rows : null;
  if (Array.isArray(rows)) return rows;
  throw new UnknownTransactionError();
}

/** `postgres` gives functions. */
function isTarget(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function has(target: object, name: string): boolean {
  return typeof Reflect.get(target, name) === 'function';
}

function call(target: object, name: string, values: readonly unknown[] = []): unknown {
  const method: unknown = Reflect.get(target, name);
  if (typeof method !== 'function') throw new UnknownTransactionError();
  return Reflect.apply(method, target, values);
}
