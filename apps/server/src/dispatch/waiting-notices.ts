import type { KeyStop, LineRef } from '@ezthrottle/engine';
import type { JobNotice } from '../realtime/job-event.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import { type Lane, pausedUntil } from './lane.ts';

/** Watchers are told at most this often that they wait, in milliseconds. */
export const TELL_EVERY_MS = 500;
/** Jobs that are looked through for watchers. */
const LOOK_AT_MOST = 256;

type WaitingNotice = Extract<JobNotice, { readonly type: 'waiting' }>;

/** What holds the first of a line back, and the key at which it does: an origin, or a limit's name. */
export interface LaneStop {
  readonly key: string;
  readonly reason: WaitingNotice['reason'];
  /** On the monotonic clock. */
  readonly until: number | null;
}

/** Tells those who watch a job of this line what it waits for. */
export function tellWaiting(
  lane: Lane,
  stop: LaneStop | null,
  { clock, notices }: Pick<DispatcherParts, 'clock' | 'notices'>,
): void {
  const now = clock.monotonic();
  const { armed, arming, door, line, destination } = lane;
  if (armed.length + door.length + line.size === 0 || !mayTell(lane, now)) return;
  const isPaused = pausedUntil(lane, now) !== null;
  // The first in line is armed at once when nobody is before it: it waits for none.
  const held = armed.length + door.length;
  const isFirstNext = held === 0 && arming === 0 && !isPaused;
  const waiting = held + line.size - (isFirstNext ? 1 : 0);
  if (waiting <= 0) return;
  lane.toldAt = now;
  const at = clock.now();
  const tell = (jobId: string, { key, reason, until }: LaneStop): void => {
    if (!notices.isWatched(jobId)) return;
    const untilWall = until === null ? null : Math.ceil(at + until - now);
    notices.publish({ jobId, at, type: 'waiting', key, reason, until: untilWall });
  };
  const behind = { key: destination.origin, reason: 'behind_others' as const, until: null };
  const [next, ...others] = [...armed, ...door.map(({ ref }) => ref)];
  const [first] = armed.length === 0 ? door : [];
  const holds = stop ?? (first === undefined ? null : laneStop(lane, first.costOf, now));
  if (next !== undefined && holds !== null) tell(next.jobId, holds);
  for (const { jobId } of others) tell(jobId, behind);
  let looked = 0;
  let isLineWatched = false;
  for (const { jobId } of line.entries()) {
    looked += 1;
    if (looked > LOOK_AT_MOST) break;
    isLineWatched ||= notices.isWatched(jobId);
    if (looked > 1 || !isFirstNext) tell(jobId, behind);
  }
  let position = 0;
  for (const { jobId } of inTurn(lane, isLineWatched ? LOOK_AT_MOST : 0)) {
    if (notices.isWatched(jobId)) notices.publish({ jobId, at, type: 'position', position });
    position += 1;
  }
}

/** Where a call waits that somebody has just begun to watch. */
export interface WaitingPlace extends LaneStop {
  /** Calls of its line that go first; null: too many to be counted. */
  readonly position: number | null;
}

/** Null: it does not stand in this line. */
export function waitingPlace(
  lane: Lane,
  { jobId, leg }: Pick<LineRef, 'jobId' | 'leg'>,
  now: number,
): WaitingPlace | null {
  const stop = laneStop(lane, () => 1, now);
  const behind = { key: lane.destination.origin, reason: 'behind_others' as const, until: null };
  let position = 0;
  for (const one of inTurn(lane, LOOK_AT_MOST)) {
    if (one.jobId === jobId && one.leg === leg) {
      const isStopped = stop !== null && (position === 0 || LASTING.has(stop.reason));
      if (position === 0 && stop === null) return null;
      return { ...(isStopped ? stop : behind), position };
    }
    position += 1;
  }
  return lane.line.isEmpty ? null : { ...(stop ?? behind), position: null };
}

/** Calls of a line in the order in which they go, the first of those that wait behind what is armed. */
function* inTurn(
  { armed, door, line }: Lane,
  most: number,
): Generator<Pick<LineRef, 'jobId' | 'leg'>, void, undefined> {
  yield* armed;
  for (const { ref } of door) yield ref;
  if (most === 0) return;
  const turns = line.fork();
  for (let looked = 0; looked < most; looked += 1) {
    const next = turns.next();
    if (next === null) return;
    yield next;
  }
}

/** Whether watchers of this line were not told only just now. */
export function mayTell({ toldAt }: Lane, now: number): boolean {
  return now - toldAt >= TELL_EVERY_MS;
}

/** Stops that hold back the whole line. */
const LASTING: ReadonlySet<LaneStop['reason']> = new Set(['allotment', 'circuit', 'paused']);

/** Stops in the order in which they are told: what takes longest to go away comes first. */
const WEIGHT: Readonly<Record<KeyStop['reason'], number>> = {
  allotment: 4,
  circuit: 3,
  paused: 2,
  concurrency: 1,
  rate: 0,
};

/** What holds a call with these costs back; null: nothing but others. */
export function laneStop(
  { destination, limits }: Lane,
  costOf: (key: string) => number,
  now: number,
): LaneStop | null {
  const stops = [
    { key: destination.origin, stop: destination.pacer.stop(now) },
    ...limits.map(({ key, name, pacer }) => ({ key: name, stop: pacer.stop(now, costOf(key)) })),
  ].flatMap(({ key, stop }) => (stop === null ? [] : [{ key, ...stop }]));
  const order = (one: LaneStop & KeyStop): readonly [number, number] => [
    WEIGHT[one.reason],
    one.until ?? Number.POSITIVE_INFINITY,
  ];
  return stops.reduce<(LaneStop & KeyStop) | null>((worst, one) => {
    if (worst === null) return one;
    const [weight, until] = order(one);
    const [worstWeight, worstUntil] = order(worst);
    return weight > worstWeight || (weight === worstWeight && until > worstUntil) ? one : worst;
  }, null);
}
