/** For operators: why jobs wait, what is dead and the ways back, and what was done by whom. */
export { ManagementClient, type ManagementOptions } from './management-client.ts';
export type {
  DeadDeliveryListing,
  DeadJobListing,
  DeadLetterOptions,
  DeadLetters,
  JobEditOptions,
  ListDeadLettersOptions,
  ReplayDeliveryOptions,
  ReplayJobOptions,
} from './dead-letters.ts';
export type {
  CancelRedriveOptions,
  RedriveItemListing,
  RedriveListing,
  RedriveOptions,
  Redrives,
  WaitForRedriveOptions,
} from './redrives.ts';
export type { AuditListing, AuditLog, ListAuditOptions } from './audit-log.ts';
export type { ApiKeys, NewApiKeyOptions, RotateApiKeyOptions } from './api-keys.ts';
export type { Privacy, RedactionOptions, RetentionOptions } from './privacy.ts';
export type { Secrets } from './secrets.ts';
export type { ApiKeyScope, ApiKeyView, NewApiKeyView } from '../protocol/api-key.ts';
export type { AccountDeletionView, RedactionView, RetentionView } from '../protocol/privacy.ts';
export type { SecretRequest, SecretView } from '../protocol/secret.ts';
export type { AuditEntryView } from '../protocol/audit.ts';
export type {
  DeadDeliveryDetail,
  DeadDeliveryReason,
  DeadDeliveryView,
  DeadJobDetail,
  DeadJobReason,
  DeadJobView,
  ReplayJobReply,
} from '../protocol/dead-letter.ts';
export type {
  RedriveDryRun,
  RedriveItemView,
  RedriveLeftOut,
  RedriveView,
} from '../protocol/redrive.ts';
export type { ManagedJobs } from './managed-jobs.ts';
export type {
  AheadView,
  DividedPace,
  DivisionView,
  JobExplanation,
  RuleView,
  RunningAttemptView,
  WaitReason,
  WaitView,
} from '../protocol/explanation.ts';
