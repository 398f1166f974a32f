import { StoreUnavailableError } from '../store-unavailable-error.ts';

/** What an error of the database, or of the way to it, means for a batch. */
export type FailureKind =
  /** The statement's values cannot be written: the operation is refused, its neighbours are not. */
  | 'values'
  /** It may go well when it is tried again: the database is away, or another transaction was in the way. */
  | 'passing'
  /** Prepared statements do not survive on this connection (a pooler between): go on without names. */
  | 'unprepared'
  /** Nothing here makes it better: privileges, a missing table, a full disk. */
  | 'lasting';

// Rows named twice, data exceptions, violated constraints, rows or statements that are too large.
const VALUE_CLASSES: ReadonlySet<string> = new Set(['21', '22', '23', '54']);
const PASSING_CLASSES: ReadonlySet<string> = new Set(['08', '40']);
const PASSING_CODES: ReadonlySet<string> = new Set([
  '0A000', // a prepared statement's row type was changed by a migration
  '25006', // read-only: this is not the primary any more
  '25P02', // the statement before has failed
  '25P03', // idle too long: it was cut off
  '53300', // too many connections
  '55P03', // a lock was not to be had in time
  '57014', // cancelled by its time limit
  '57P01', // shut down by the operator
  '57P02', // another process of the database has crashed
  '57P03', // starting up
  '57P05', // the session idled too long
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'ENOTFOUND',
]);
// As the driver says it, which gives these no code.
const PASSING_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout)/;
const UNPREPARED_CODES: ReadonlySet<string> = new Set(['26000', '42P05']);

export function failureKindOf(error: unknown): FailureKind {
  const code = codeOf(error);
  if (code === null) {
    return error instanceof Error && PASSING_MESSAGE.test(error.message) ? 'passing' : 'lasting';
  }
  if (UNPREPARED_CODES.has(code)) return 'unprepared';
  if (PASSING_CODES.has(code)) return 'passing';
  const classOf = code.slice(0, 2);
  if (code.length === 5 && VALUE_CLASSES.has(classOf)) return 'values';
  return code.length === 5 && PASSING_CLASSES.has(classOf) ? 'passing' : 'lasting';
}

/** SQLSTATE, or the system's name of the error; null when there is neither. */
function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** Of these, those that say nothing about whether the database answers. */
const ANSWERED_CODES: ReadonlySet<string> = new Set([
  '0A000',
  '25P02',
  '25P03',
  '40001',
  '40P01',
  '55P03',
  '57014',
]);

/** The error, or in its place that the database does not answer, where it says so. */
export function unavailable(error: unknown): unknown {
  if (failureKindOf(error) !== 'passing' || ANSWERED_CODES.has(codeOf(error) ?? '')) return error;
  return new StoreUnavailableError(error);
}

/** Somebody else held a row for too long, or waited for one that is held here. */
export function isOfLocks(error: unknown): boolean {
  const code = codeOf(error);
  return code === '55P03' || code === '40P01';
}

/** A statement that came after the one that had failed. */
export function isOfAbortedTransaction(error: unknown): boolean {
  return codeOf(error) === '25P02';
}
