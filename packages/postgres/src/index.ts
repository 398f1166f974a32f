/** Jobs that exist if and only if the transaction commits that they are submitted in. */
export {
  submitInTransaction,
  submitManyInTransaction,
  type SubmittedInTransaction,
} from './submit-in-transaction.ts';
export type { InboxOptions } from './inbox-options.ts';
export type { InboxJob } from './inbox-payload.ts';
export type { InboxTransaction, SqlAdapter } from './transactions/inbox-transaction.ts';
export {
  InboxMissingError,
  InboxRightsError,
  NoTransactionError,
  UnknownTransactionError,
} from './inbox-errors.ts';
