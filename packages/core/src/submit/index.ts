/** Handing work over, in few bytes: a client that only submits, and steps to build what it submits. */
export { SubmitClient } from '../submit-client.ts';
export type { ConnectionOptions } from '../connection.ts';
export { StepBuilder as Step } from '../step/step-builder.ts';
export { IdempotentStrategy, StepType } from '../step/step-node.ts';
