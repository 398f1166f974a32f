/** How long nodes trust each other and themselves. Milliseconds. */
export interface LeaseTimes {
  /** From one renewal to the next. Default 1,000. */
  readonly heartbeatMs: number;
  /** How long a renewal holds. Default 3,000. */
  readonly leaseMs: number;
  /** The owner stops so long before its lease ends. Default 500. */
  readonly stopMarginMs: number;
  /** Nobody takes over before so long after its end. Default 500. */
  readonly takeMarginMs: number;
}

/**
 * A dead node's slots pass on within lease + margin + one heartbeat of those who look = 4.5 s, below the
 * 5 s that are promised. An owner goes on after two renewals in a row that were lost: it stops 2.5 s after
 * the last one that was answered, and has sent two more by then. Between the moment at which an owner stops
 * and the first at which another may start lie both margins, 1 s: one clock may run slower than the other
 * by more than a quarter, and a turn of the owner's event loop may last that long.
 */
export const LEASE_TIMES: LeaseTimes = {
  heartbeatMs: 1_000,
  leaseMs: 3_000,
  stopMarginMs: 500,
  takeMarginMs: 500,
};

/** Both clocks of a node, read in the same tick. Milliseconds. */
export interface ClockReading {
  /** Since the epoch; may jump. */
  readonly wall: number;
  /** Never goes back; may stand still while the machine sleeps. */
  readonly monotonic: number;
}

/** Until when a node may act as an owner, by its own clocks. It ends when either of them says so. */
export interface Lease {
  readonly wallEnd: number;
  readonly monotonicEnd: number;
}

/**
 * What a renewal that was answered gives.
 *
 * @param sentAt Clocks before the renewal was sent, never after: the database has counted from some moment
 * since then, so the owner's lease ends first.
 */
export function renewedLease(sentAt: ClockReading, { leaseMs }: LeaseTimes = LEASE_TIMES): Lease {
  return { wallEnd: sentAt.wall + leaseMs, monotonicEnd: sentAt.monotonic + leaseMs };
}

/**
 * For how long the owner may still act, in milliseconds; 0 or less: no more. Asked in the same tick as
 * every write to a socket.
 */
export function leaseLeftMs(
  { wallEnd, monotonicEnd }: Lease,
  now: ClockReading,
  { stopMarginMs }: LeaseTimes = LEASE_TIMES,
): number {
  // The wall clock alone would last longer after a step back, the monotonic one after a machine's sleep.
  return Math.min(wallEnd - now.wall, monotonicEnd - now.monotonic) - stopMarginMs;
}

/** How the database has been answering one node, by the database's clock, milliseconds since the epoch. */
export interface DatabaseAnswers {
  /** Without a gap since then. */
  readonly since: number;
  readonly lastAt: number;
}

/**
 * A further round was answered. After a gap of more than two heartbeats it counts from the start: the
 * database was away, so that nobody could renew anything, or its clock has jumped, or this node has slept.
 *
 * @param previous Null: the node has just begun, and cannot know.
 */
export function databaseAnswered(
  previous: DatabaseAnswers | null,
  databaseNow: number,
  { heartbeatMs }: LeaseTimes = LEASE_TIMES,
): DatabaseAnswers {
  const isGap = previous === null || databaseNow - previous.lastAt > 2 * heartbeatMs;
  return { since: isGap ? databaseNow : previous.since, lastAt: databaseNow };
}

/** What decides whether a node counts as dead. All by the database's clock, milliseconds since the epoch. */
export interface TakeOverMoment {
  readonly databaseNow: number;
  /** End of its lease as it stands in its row. */
  readonly expiresAt: number;
  /** Since when the database has been answering whoever asks (`DatabaseAnswers`). */
  readonly answeringSince: number;
}

/** Whether a node is dead for everybody: it may be fenced, and then its slots may be taken. */
export function mayTakeOver(
  { databaseNow, expiresAt, answeringSince }: TakeOverMoment,
  { leaseMs, takeMarginMs }: LeaseTimes = LEASE_TIMES,
): boolean {
  return databaseNow >= Math.max(expiresAt, answeringSince + leaseMs) + takeMarginMs;
}

/** What is wrong with these times, each in one sentence that says what would be right; empty: nothing. */
export function leaseTimesProblems(times: LeaseTimes): readonly string[] {
  const { heartbeatMs, leaseMs, stopMarginMs, takeMarginMs } = times;
  const notPositive = Object.entries(times)
    .filter(([, value]) => !(Number.isFinite(value) && value > 0))
    .map(([name, value]) => `${name} is ${value}; it has to be a number above 0.`);
  if (notPositive.length > 0) return notPositive;
  const least = 2 * heartbeatMs + stopMarginMs;
  const problems: string[] = [];
  if (leaseMs < least) {
    problems.push(
      `leaseMs is ${leaseMs}; with this heartbeat and margin at least ${least}, so that one lost renewal ends no lease.`,
    );
  }
  if (stopMarginMs + takeMarginMs < leaseMs / 100) {
    problems.push(
      `stopMarginMs and takeMarginMs together are ${stopMarginMs + takeMarginMs}; at least ${leaseMs / 100}, a hundredth of the lease, for clocks that differ.`,
    );
  }
  return problems;
}
