/** The SDK: build step trees, run them here or on a server, read what became of them. */
export {
  createContinuationRunner,
  EZThrottle,
  // oxlint-disable-next-line import/no-default-export -- the SDK this one replaces has it.
  EZThrottle as default,
  type DirectRequest,
  type ForwardOrFallbackOptions,
  type QueueAndWaitOptions,
  type QueueRequestOptions,
} from './client.ts';
export type { EZThrottleOptions } from './client-options.ts';
export type { ConnectionOptions } from './connection.ts';
export {
  executeWithForwarding,
  withAutoForward,
  type ForwardingClient,
  type Forwarding,
  type ForwardRequest,
} from './auto-forward.ts';
export { Step } from './step/step.ts';
export type {
  ExecuteOptions,
  HedgeOptions,
  IdempotencyOptions,
  FallbackCondition,
  StepBuilder,
  StepClient,
} from './step/step-builder.ts';
export { IdempotentStrategy, StepType, type StepNode } from './step/step-node.ts';
export { compile, type CompileOptions } from './step/compile.ts';
export { submitPayload, type SubmitPayloadOptions } from './step/submit-payload.ts';
export {
  ForwardFailedError,
  isForwardFailedError,
  type ChildOutcome,
  type LocalAttempt,
  type LocalOutcome,
  type LocalResult,
  type StepResult,
  type SubmittedResult,
} from './step/step-result.ts';
export type {
  JobLimitOptions,
  RetryPolicyOptions,
  SubmitJobOptions,
  TriggerOptions,
  WebhookOptions,
} from './step/job-options.ts';
export type { ContinuationRunnerOptions } from './step/continuation-run.ts';
export type { ContinuationKey } from './step/continuation-seal.ts';
export type { CallOptions } from './resources/call-options.ts';
export type {
  CancelReply,
  JobListing,
  Jobs,
  ListJobsOptions,
} from './resources/jobs.ts';
export type { WaitOptions } from './resources/wait-for-job.ts';
export type {
  ChangeLimitOptions,
  LimitChanges,
  LimitListing,
  LimitOptions,
  Limits,
  ListLimitsOptions,
  PutLimitOptions,
} from './resources/limits.ts';
export type { BatchAnswer } from './resources/submit-batch.ts';
export type { SubmitAnswer } from './resources/submit-jobs.ts';
export type { JobEvents, StreamJobOptions } from './realtime/stream-job.ts';
export type { JobEndEvent, JobEvent } from './realtime/job-event.ts';
export type {
  WebhookSecrets,
  WebhookSecretsReply,
  WebhookSecretsView,
} from './resources/webhook-secrets.ts';
export type { CircuitBreakerOptions } from './http/circuit-breaker.ts';
export type { RetryOptions } from './http/retry.ts';
export type { Runtime } from './http/runtime.ts';
export * from './errors.ts';
export type { JobPage, JobSummaryView, JobView, Metadata, ResponseView } from './protocol/job.ts';
export type { SigningKeysView, WebhookEndpointView } from './protocol/webhook-endpoint.ts';
export type { LimitPage, LimitStateView, LimitView } from './protocol/limit.ts';
export type { Plan } from './protocol/plan.ts';
export type { Problem } from './protocol/wire-error.ts';
export {
  tryVerifyWithSecrets,
  verifyWebhookSignature,
  verifyWebhookSignatureStrict,
} from './webhooks/verify.ts';
export type { VerificationResult } from './webhooks/signed-header.ts';
export { WebhookVerificationError } from './webhooks/errors.ts';
