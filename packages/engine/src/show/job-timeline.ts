import type { JobEnd, Leg } from '../job/run.ts';
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
  /** Legs of a job that has not ended: they tell what is about to be tried again. */
  readonly legs: readonly Leg[];
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
  const triedAgainAt = new Map<number, number>();
  for (const leg of history.legs) {
    if (leg.state === 'waiting') triedAgainAt.set(leg.id, leg.readyAt);
  }
  const attempts = history.attempts.toSorted((a, b) => b.attempt - a.attempt);
  for (const attempt of attempts) {
    const sent = sentEvent(attempt);
    if (sent !== null) events.push(sent);
    const retryAt = triedAgainAt.get(attempt.leg);
    if (attempt.endedAt !== null && retryAt !== undefined) {
      events.push(retryEvent(attempt, attempt.endedAt, retryAt));
    }
    triedAgainAt.set(attempt.leg, attempt.armedAt);
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

function retryEvent(attempt: AttemptRecord, endedAt: number, retryAt: number): TimelineEvent {
  return {
    number: retryingNumber(attempt.attempt),
    at: endedAt,
    type: 'retrying',
    data: {
      attempt: attempt.attempt,
      reason: attempt.error ?? reasonOf(attempt),
      status_code: attempt.statusCode,
      retry_at: retryAt,
    },
  };
}

function reasonOf(attempt: AttemptRecord): string {
  return attempt.statusCode === null
    ? (attempt.outcome ?? 'unknown')
    : `status ${attempt.statusCode}`;
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
