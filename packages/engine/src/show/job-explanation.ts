import {
  type AheadView,
  type DivisionView,
  type JobExplanation,
  jobStatus,
  type RunningAttemptView,
  type WaitView,
} from '@ezthrottle/core/protocol';
import { isRacing } from '../deliver/result-view.ts';
import type { ForecastStart } from '../forecast/forecast.ts';
import type { Leg } from '../job/run.ts';
import type { DeliveryRecord, JobRecord } from '../ports/records.ts';
import { deliveryView } from './job-views.ts';
import { divisionView, isUnsettled, type StandingPart } from './key-division.ts';
import { keyWaits, limitOf, turnWait, type WaitedKey, type WaitsContext } from './waits.ts';

/** What was foretold of a job's next call. */
export interface ForetoldStart {
  readonly keys: readonly WaitedKey[];
  /** Calls that go first. */
  readonly ahead: readonly ForecastStart[];
  /** On the monotonic clock; null: it does not start within what was looked at. */
  readonly startsAt: number | null;
  readonly isWhole: boolean;
  /** Counts where its destination is divided. */
  readonly standing: StandingPart;
  readonly leg: Leg;
  readonly context: WaitsContext;
  /** Whether the region of the call is known to be down. */
  readonly isRegionDown: boolean;
}

export interface ExplainedJob {
  readonly job: JobRecord;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly running: readonly RunningAttemptView[];
  readonly deliveries: readonly DeliveryRecord[];
  /** Null: none of its calls waits. */
  readonly next: ForetoldStart | null;
}

/** Accounts that are named of those that go first. */
const MOST_ACCOUNTS = 20;

/** What a job waits for, until when, and by which rules. */
export function explainJob(explained: ExplainedJob): JobExplanation {
  const { job, now, running, next } = explained;
  const undelivered = explained.deliveries.filter(({ state }) => state !== 'delivered');
  const isDelivering = undelivered.some(({ state }) => state === 'pending');
  const waits = job.end === null && next !== null ? waitsOf(next, now) : [];
  const phase =
    job.end !== null
      ? isDelivering
        ? ('delivering' as const)
        : ('ended' as const)
      : running.length > 0
        ? ('running' as const)
        : ('waiting' as const);
  const estimate = job.end === null && next !== null ? estimateOf(next, now) : NO_ESTIMATE;
  const common = {
    job_id: job.id,
    status: jobStatus(job.state, isRacing(job.spec)),
    state: job.state,
    at: now,
    phase,
    waits,
    ...estimate,
    running,
    deliveries: undelivered.map(deliveryView),
    ended_at: job.end?.at ?? null,
    error: job.end?.error ?? null,
  };
  return { ...common, message: messageOf(common) };
}

const NO_ESTIMATE = {
  divided: [],
  position: null,
  ahead: null,
  estimated_start: null,
  confidence: null,
  assumptions: [],
} satisfies Partial<JobExplanation>;

function waitsOf(next: ForetoldStart, now: number): readonly WaitView[] {
  const { leg, keys, ahead, context } = next;
  const waits: WaitView[] = [];
  if (leg.state === 'waiting' && leg.readyAt > now) waits.push(delay(leg, leg.readyAt));
  if (next.isRegionDown) {
    const message = `the region ${leg.region} is down`;
    waits.push({ reason: 'region', key: null, until: null, message, change: null });
  }
  const readyAt = leg.state === 'waiting' ? Math.max(now, leg.readyAt) : now;
  for (const wait of keyWaits(keys, context)) {
    // The rate of this moment, and calls that will have ended, do not hold back who comes later.
    const isOfNow = wait.reason === 'rate' || wait.reason === 'concurrency';
    if (readyAt === now || !isOfNow) waits.push(wait);
  }
  if (ahead.length > 0) {
    waits.push(turnWait(keys, ahead.length, accountsOf(ahead).length, next, context));
  }
  const order = ({ until }: WaitView): number => until ?? Number.POSITIVE_INFINITY;
  return waits.toSorted((first, second) => {
    const [one, other] = [order(first), order(second)];
    return one === other ? 0 : one - other;
  });
}

function delay({ retries, reroutes, heldBack }: Leg, until: number): WaitView {
  const isRetry = retries + reroutes + heldBack > 0;
  const message = isRetry
    ? 'the last attempt failed, and the next is not due yet'
    : 'it was submitted for later';
  return { reason: isRetry ? 'retry' : 'not_before', key: null, until, message, change: null };
}

function estimateOf(
  next: ForetoldStart,
  now: number,
): Pick<JobExplanation, keyof typeof NO_ESTIMATE> {
  const { ahead, startsAt, context, isWhole } = next;
  const isCounted = isWhole && startsAt !== null;
  const divided = divisionsOf(next, isCounted);
  return {
    divided,
    position: isCounted ? ahead.length : null,
    ahead: isCounted ? aheadView(ahead) : null,
    estimated_start: startsAt === null ? null : Math.max(now, Math.ceil(context.toWall(startsAt))),
    confidence: startsAt === null ? null : confidenceOf(next),
    assumptions: startsAt === null ? [] : assumptionsOf(next, divided),
  };
}

function confidenceOf({ keys, isWhole, context }: ForetoldStart): 'high' | 'medium' | 'low' {
  const isDown = keys.some(({ pacer }) => pacer.circuit.state !== 'closed');
  // A share that has just moved moves on: those of others are made anew by what waits everywhere.
  const isMoving = keys.some(
    ({ pacer, division }) => division !== null && isUnsettled(pacer.pace, division, context.now),
  );
  if (!isWhole || isDown || isMoving) return 'low';
  const isMoved = keys.some(
    ({ pacer }) => pacer.pace.decreasedAt !== null || (pacer.pace.pausedUntil ?? 0) > context.now,
  );
  const isBusy = keys.some(({ pacer }) => pacer.pace.inFlight + 1 > pacer.pace.concurrency);
  // Lines that share limits take turns: how long calls take decides the order there.
  const isShared = keys.length > 1 || keys.some(({ division }) => division !== null);
  return isMoved || isBusy || isShared ? 'medium' : 'high';
}

function divisionsOf(
  { keys, standing, context }: ForetoldStart,
  isCounted: boolean,
): readonly DivisionView[] {
  return keys.flatMap((key) => {
    const { pacer, division } = key;
    if (division === null) return [];
    const limit = limitOf(key, context);
    return [divisionView(limit, pacer.pace, division, standing, isCounted, context.now)];
  });
}

function assumptionsOf(
  { keys, isWhole }: ForetoldStart,
  divided: readonly DivisionView[],
): readonly string[] {
  const callMs = keys[0]?.pacer.callMs ?? null;
  const isDown = keys.some(({ pacer }) => pacer.circuit.state !== 'closed');
  return [
    'no further calls come into line before it but those that are known: delayed ones, and retries that wait',
    'no limit is changed, and no answer changes the pace',
    callMs === null
      ? 'nothing is known yet of how long calls take there'
      : `calls take ${Math.round(callMs)} ms there, as they usually did`,
    ...divided.map(shareAssumed),
    ...(isDown ? ['the destination is up when it is tried next'] : []),
    ...(isWhole ? [] : ['calls beyond those that could be looked at are left out']),
  ];
}

function shareAssumed({ key, whole, share }: DivisionView): string {
  const amount =
    whole.rate === null
      ? `${share.concurrency} of ${whole.concurrency} calls at a time`
      : `${share.rate} of ${whole.rate} a second`;
  return `the share that its server has of ${key} stays as it is: ${amount}`;
}

function aheadView(ahead: readonly ForecastStart[]): AheadView {
  return { total: ahead.length, accounts: accountsOf(ahead).slice(0, MOST_ACCOUNTS) };
}

function accountsOf(ahead: readonly ForecastStart[]): AheadView['accounts'] {
  const counts = new Map<string, { api_key_id: string; user_id: string; calls: number }>();
  for (const { apiKey, userId } of ahead) {
    // Another organization's, at a cap over all of them.
    if (apiKey === '') continue;
    const name = JSON.stringify([apiKey, userId]);
    const account = counts.get(name) ?? { api_key_id: apiKey, user_id: userId, calls: 0 };
    account.calls += 1;
    counts.set(name, account);
  }
  return [...counts.values()].toSorted((first, second) => second.calls - first.calls);
}

function messageOf(explanation: Omit<JobExplanation, 'message'>): string {
  const { phase, state, waits, deliveries, running } = explanation;
  const last = waits.at(-1);
  switch (phase) {
    case 'waiting':
      return last === undefined ? 'It is about to be sent.' : `It waits: ${last.message}.`;
    case 'running': {
      const numbers = running.map(({ attempt }) => attempt).join(', ');
      return running.length === 1
        ? `Attempt ${numbers} is under way.`
        : `Attempts ${numbers} are under way.`;
    }
    case 'delivering': {
      const pending = deliveries.filter(({ state: one }) => one === 'pending').length;
      return `It ended as ${state}; ${pending === 1 ? 'one delivery has' : `${pending} deliveries have`} not been accepted yet.`;
    }
    case 'ended':
      return explanation.error === null
        ? `It ended as ${state}.`
        : `It ended as ${state}: ${explanation.error}.`;
  }
}
