import { EZThrottleError } from '@ezthrottle/core';

/**
 * What was given runs each statement by itself, so the job would not be part of any transaction: a pool, or
 * a client outside of one.
 */
export class NoTransactionError extends EZThrottleError {
  override readonly name: string = 'NoTransactionError';

  constructor(what: string, expected: string) {
    super(`${what} is no transaction (expected: ${expected}).`, { code: 'no_transaction' });
  }
}

/** What was given is nothing that this package knows how to run a statement on. */
export class UnknownTransactionError extends EZThrottleError {
  override readonly name: string = 'UnknownTransactionError';

  constructor() {
    super(
      'The transaction is of no kind that is known (expected: one of pg, postgres, Drizzle, Kysely or Prisma, or { query(text, values) } that gives rows).',
      { code: 'unknown_transaction' },
    );
  }
}

/** The database has no inbox in which this version could put jobs. */
export class InboxMissingError extends EZThrottleError {
  override readonly name: string = 'InboxMissingError';

  constructor(functionName: string, cause: unknown) {
    super(
      `${functionName} does not exist in this database. Run \`ezthrottle migrate\` of version ${FIRST_SERVER} or later against it, or name the schema that the server uses.`,
      { code: 'inbox_missing', cause },
    );
  }
}

/** The database's role may not submit. */
export class InboxRightsError extends EZThrottleError {
  override readonly name: string = 'InboxRightsError';

  constructor(schema: string, functionName: string, cause: unknown) {
    super(
      `The role may not submit. As the owner: GRANT USAGE ON SCHEMA "${schema}" TO <role>; GRANT EXECUTE ON FUNCTION ${functionName}(text, text) TO <role>;`,
      { code: 'inbox_rights', cause },
    );
  }
}

/** The first server with `submit_v1`. */
const FIRST_SERVER = '0.1.0';
