import type { Trigger } from '../job/job-spec.ts';
import type { Failure } from '../job/run.ts';

/** Why a job ended without success, where no target said so. Stable: clients compare them. */
export const END_ERRORS = {
  cancelled: 'cancelled',
  deadlineExceeded: 'deadline_exceeded',
  executionDeadlineExceeded: 'execution_deadline_exceeded',
  regionUnavailable: 'region_unavailable',
  outcomeUnknown: 'outcome_unknown',
} as const;

/** No region from which this could be sent is alive. */
export const REGION_UNAVAILABLE: Failure = {
  kind: 'network_error',
  message: END_ERRORS.regionUnavailable,
};

/** A crash hid the outcome, and trying again is not allowed or was done often enough. */
export const OUTCOME_UNKNOWN: Failure = { kind: 'unknown', message: END_ERRORS.outcomeUnknown };

/** A failure as `error` says it in deliveries and job views. */
export function describeFailure(failure: Failure): string {
  if (failure.kind === 'status') return `status_${failure.status}`;
  if (failure.kind === 'unknown') return END_ERRORS.outcomeUnknown;
  if (failure.message === '' || failure.message === failure.kind) return failure.kind;
  if (failure.message === END_ERRORS.regionUnavailable) return failure.message;
  return `${failure.kind}: ${failure.message}`;
}

/** Whether a fallback with this trigger starts because of this failure. */
export function triggerMatches(trigger: Trigger, failure: Failure): boolean {
  switch (trigger.kind) {
    case 'any_failure':
      return true;
    case 'on_error':
      return failure.kind === 'status'
        ? trigger.codes.includes(failure.status)
        : failure.kind !== 'refused';
    case 'on_timeout':
      return failure.kind === 'timeout';
  }
}
