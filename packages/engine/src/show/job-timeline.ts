import type { JobEnd } from '../job/run.ts';
import type { AttemptRecord } from '../ports/records.ts';

/**
 * One thing that happened to a job, with a number that never changes: 0 is `queued`, an attempt n is
 * sent with 2n − 1 and tried again with 2n, the end is one above all attempts. So a watcher that
 * comes late, or comes back, is told the same under the same numbers.
 */
export interface TimelineEvent {
  readonly number: number;
  readonly at: number;
  readonly type: 'queued' | 'dispatching' | 'retrying' | JobEnd['state'];
  readonly data: Readonly<Record<string, string | number | null>>;
}

/** What the store knows of a job, as far as its timeline goes. */
export interface JobHistory {
  readonly createdAt: number;
  readonly attempts: readonly AttemptRecord[];
  readonly end: JobEnd | null;
}

const QUEUED_NUMBER = 0;

export function dispatchingNumber(attempt: number): number {
  return 2 * attempt - 1;
}

export function retryingNumber(attempt: number): number {
  return 2 * attempt;
}

/** All that has happened, in the order of time; the end, if there is one, stands last. */
export function timelineOf(history: JobHistory): readonly TimelineEvent[] {
  const { createdAt, end } = history;
  const events: TimelineEvent[] = [];
  const attempts = history.attempts.toSorted((a, b) => b.attempt - a.attempt);
  for (const attempt of attempts) {
    const sent = sentEvent(attempt);
    if (sent !== null) events.push(sent);
    const retry = retryEvent(attempt);
    if (retry !== null) events.push(retry);
  }
  events.sort((a, b) => a.at - b.at || a.number - b.number);
  events.unshift({ number: QUEUED_NUMBER, at: createdAt, type: 'queued', data: {} });
  if (end !== null) {
    const highest = attempts[0]?.attempt ?? 0;
    events.push({ number: dispatchingNumber(highest + 1), at: end.at, type: end.state, data: {} });
  }
  return events;
}

function sentEvent(attempt: AttemptRecord): TimelineEvent | null {
  if (!wasCalled(attempt)) return null;
  const at = attempt.startedAt ?? attempt.armedAt;
  return {
    number: dispatchingNumber(attempt.attempt),
    at,
    type: 'dispatching',
    data: { attempt: attempt.attempt, path: attempt.path, region: attempt.region },
  };
}

/**
 * Whether an attempt led to a call, as far as anybody knows. One that was only prepared and then taken back, by
 * a stop or because another was faster, did not: nobody but the store is told of it.
 */
export function wasCalled({
  outcome,
  startedAt,
}: Pick<AttemptRecord, 'outcome' | 'startedAt'>): boolean {
  // The start of a call under way is not on disk yet; it was armed a moment before.
  return startedAt !== null || outcome !== 'aborted';
}

function retryEvent(attempt: AttemptRecord): TimelineEvent | null {
  const { attempt: number, statusCode, endedAt, retryAt } = attempt;
  if (endedAt === null || retryAt === undefined) return null;
  const reason = retryReason(attempt);
  const data = { attempt: number, reason, status_code: statusCode, retry_at: retryAt };
  return { number: retryingNumber(number), at: endedAt, type: 'retrying', data };
}

/** Why an attempt is followed by another one: told the same to who watches and to who comes later. */
export function retryReason({
  error,
  statusCode,
  outcome,
}: Pick<AttemptRecord, 'error' | 'statusCode' | 'outcome'>): string {
  return error ?? (statusCode === null ? (outcome ?? 'unknown') : `status ${statusCode}`);
}

/**
 * What a watcher that saw everything up to `last` has not seen: what has a higher number, and what
 * happened since under a lower one (attempts of a race overlap).
 */
export function eventsAfter(
  events: readonly TimelineEvent[],
  last: number | null,
): readonly TimelineEvent[] {
  if (last === null) return events;
  const seen = events.find((event) => event.number === last);
  return events.filter(
    (event) =>
      event.number !== last &&
      event.number !== QUEUED_NUMBER &&
      (event.number > last || (seen !== undefined && event.at > seen.at)),
  );
}
