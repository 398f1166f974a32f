import { AuthenticationError, EZThrottleError, PayloadTooLargeError } from '@ezthrottle/core';
import { databaseErrorOf } from './database-error.ts';
import { InboxMissingError, InboxRightsError } from './inbox-errors.ts';
import { apiKeyHashOf, type InboxOptions, schemaOf } from './inbox-options.ts';
import { type InboxJob, inboxPayload, inboxPayloads } from './inbox-payload.ts';
import {
  type InboxTransaction,
  type RunStatement,
  statementsOf,
} from './transactions/inbox-transaction.ts';

export interface SubmittedInTransaction {
  /** The job's id on the server from when the transaction is committed and a node has seen it. */
  readonly jobId: string;
}

/**
 * Submits a job as a part of the transaction: it exists if and only if that is committed. A node takes it
 * over within a moment afterwards; until then the server does not know the id yet.
 *
 * Throws `ValidationError` and `ConfigurationError` before anything is written, `NoTransactionError` or
 * `UnknownTransactionError` for what is no transaction, and what the database refuses, which has ended the
 * transaction then: `AuthenticationError` for an API key that may not submit, `InboxMissingError`,
 * `InboxRightsError`; any other error of the database as it is.
 *
 * @example
 * await client.query('BEGIN');
 * await client.query('INSERT INTO orders (id) VALUES ($1)', [42]);
 * const { jobId } = await submitInTransaction(client, { url: 'https://api.example.com/orders/42' });
 * await client.query('COMMIT');
 */
export async function submitInTransaction(
  transaction: InboxTransaction,
  job: InboxJob,
  options: InboxOptions = {},
): Promise<SubmittedInTransaction> {
  const payload = await inboxPayload(job, options);
  const [first] = await submitAll(transaction, [payload], options);
  if (first === undefined) throw unexpected();
  return first;
}

/**
 * Submits several jobs with as few statements as possible: all of them or, with an error, none. The answers
 * stand in the order of the jobs. Throws as `submitInTransaction` does.
 */
export async function submitManyInTransaction(
  transaction: InboxTransaction,
  jobs: readonly InboxJob[],
  options: InboxOptions = {},
): Promise<readonly SubmittedInTransaction[]> {
  const payloads = await inboxPayloads(jobs, options);
  return await submitAll(transaction, payloads, options);
}

async function submitAll(
  transaction: InboxTransaction,
  payloads: readonly string[],
  options: InboxOptions,
): Promise<readonly SubmittedInTransaction[]> {
  const run = statementsOf(transaction);
  const schema = schemaOf(options);
  const hash = await apiKeyHashOf(options);
  const submitted: SubmittedInTransaction[] = [];
  for (const part of parts(payloads)) {
    const rows = await submitPart(run, schema, [hash, `[${part.join(',')}]`]);
    if (rows.length !== part.length) throw unexpected();
    submitted.push(...rows.map((row) => ({ jobId: idOf(row) })));
  }
  return submitted;
}

const MOST_JOBS = 1_000;
const MOST_CHARACTERS = 8_000_000;

/** In one statement no more than a database takes without effort. */
function* parts(payloads: readonly string[]): Iterable<readonly string[]> {
  let part: string[] = [];
  let characters = 0;
  for (const payload of payloads) {
    const isFull = part.length === MOST_JOBS || characters + payload.length > MOST_CHARACTERS;
    if (isFull && part.length > 0) {
      yield part;
      [part, characters] = [[], 0];
    }
    part.push(payload);
    characters += payload.length;
  }
  if (part.length > 0) yield part;
}

async function submitPart(
  run: RunStatement,
  schema: string,
  values: readonly [string, string],
): Promise<readonly unknown[]> {
  const functionName = `"${schema}".submit_v1`;
  try {
    return await run(`SELECT job_id FROM ${functionName}($1::text, $2::text)`, values);
  } catch (error) {
    throw refusal(error, schema, functionName);
  }
}

/** What the database has refused, in words of this package; any other error as it is. */
function refusal(error: unknown, schema: string, functionName: string): unknown {
  const found = databaseErrorOf(error);
  if (found === null) return error;
  switch (found.code) {
    case 'ZT001':
      return new AuthenticationError('The API key is unknown or revoked, or may not submit.', {
        cause: error,
      });
    case 'ZT002':
      return new PayloadTooLargeError(found.message, { cause: error });
    case 'ZT003':
      return new EZThrottleError(found.message, { code: 'validation_failed', cause: error });
    // An undefined function, or schema.
    case '42883':
    case '3F000':
      return new InboxMissingError(functionName, error);
    case '42501':
      return new InboxRightsError(schema, functionName, error);
    default:
      return error;
  }
}

/** The only column, whatever name a plugin has made of it. */
function idOf(row: unknown): string {
  const [id]: readonly unknown[] =
    typeof row === 'object' && row !== null ? Object.values(row) : [];
  if (typeof id !== 'string') throw unexpected();
  return id;
}

function unexpected(): EZThrottleError {
  return new EZThrottleError('The database gave no job ids: the transaction must be rolled back.', {
    code: 'unexpected_answer',
  });
}
