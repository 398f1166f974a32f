import {
  type DeadLetterFilter,
  type JobEdit,
  REDRIVE_BOUNDS,
  REDRIVE_OUTCOMES,
  type RedriveOutcome,
  type RedriveState,
} from '@ezthrottle/core/protocol';
import type { Id } from '../ports/operation.ts';

/** What a redrive was asked for. */
export interface RedriveSettings {
  readonly of: 'jobs' | 'deliveries';
  /** With an end: what dies later does not belong to it, new tries of its own least of all. */
  readonly filter: DeadLetterFilter;
  readonly reason: string;
  readonly actor: string | null;
  readonly apiKey: Id | null;
  /** Per second. */
  readonly rate: number;
  readonly canary: number;
  readonly maxFailurePercent: number;
  /** Sent, at most: what is passed over does not count. */
  readonly maxItems: number;
  readonly edit: JobEdit;
}

interface Outcomes {
  readonly ended: number;
  readonly failed: number;
}

/** Everything about a redrive. Plain data; a new object for every change. */
export interface Redrive extends RedriveSettings {
  readonly state: RedriveState;
  /** The dead letter that was come to last; null: none yet. */
  readonly cursor: { readonly at: number; readonly id: Id } | null;
  /** There are no more. */
  readonly isAtEnd: boolean;
  readonly counts: Readonly<Record<RedriveOutcome, number>>;
  /** Of the last up to 100 that ended, and of the 100 before them. */
  readonly recent: Outcomes;
  readonly former: Outcomes;
}

const NOTHING: Outcomes = { ended: 0, failed: 0 };
/** Outcomes by which the failures of late are judged, at least. */
const FEWEST = 10;
const WINDOW = 100;
/** Sent without a known outcome: what a rate sends in so many seconds. */
const OUTSTANDING_SECONDS = 10;
const FEWEST_OUTSTANDING = 50;

export function newRedrive(settings: RedriveSettings): Redrive {
  const counts = { sent: 0, succeeded: 0, failed: 0, cancelled: 0, already: 0, unfit: 0, gone: 0 };
  return {
    ...settings,
    state: settings.canary > 0 ? 'canary' : 'running',
    cursor: null,
    isAtEnd: false,
    counts,
    recent: NOTHING,
    former: NOTHING,
  };
}

export function isRedriveOver({ state }: Pick<Redrive, 'state'>): boolean {
  return state === 'completed' || state === 'stopped' || state === 'cancelled';
}

/** Dead letters that it has come to. */
export function redriveTotal({ counts }: Pick<Redrive, 'counts'>): number {
  return REDRIVE_OUTCOMES.reduce((sum, outcome) => sum + counts[outcome], 0);
}

/** How many may be sent now, as far as the redrive itself goes; its rate is the caller's matter. */
export function redriveRoom(redrive: Redrive): number {
  if (isRedriveOver(redrive) || redrive.isAtEnd) return 0;
  const { canary, counts, maxItems, rate } = redrive;
  const left = maxItems - tried(redrive);
  if (redrive.state === 'canary') return Math.max(0, Math.min(left, canary - tried(redrive)));
  const wished = Math.max(FEWEST_OUTSTANDING, canary, Math.ceil(rate * OUTSTANDING_SECONDS));
  const most = Math.min(REDRIVE_BOUNDS.outstanding, wished);
  return Math.max(0, Math.min(left, most - counts.sent));
}

/** The redrive after it has come to further dead letters, in their order. */
export function withSent(
  redrive: Redrive,
  outcomes: readonly RedriveOutcome[],
  cursor: Redrive['cursor'],
  isAtEnd: boolean,
): Redrive {
  const counts = { ...redrive.counts };
  for (const outcome of outcomes) counts[outcome] += 1;
  return moved({ ...redrive, counts, cursor, isAtEnd });
}

/** The redrive after what it has sent has ended so. */
export function withEnded(
  redrive: Redrive,
  outcomes: readonly ('succeeded' | 'failed' | 'cancelled')[],
): Redrive {
  const counts = { ...redrive.counts };
  let { recent, former } = redrive;
  for (const outcome of outcomes) {
    counts.sent -= 1;
    counts[outcome] += 1;
    // Somebody's own decision says nothing about what is sent.
    if (outcome === 'cancelled') continue;
    if (recent.ended >= WINDOW) {
      former = recent;
      recent = NOTHING;
    }
    const failed = recent.failed + (outcome === 'failed' ? 1 : 0);
    recent = { ended: recent.ended + 1, failed };
  }
  return moved({ ...redrive, counts, recent, former });
}

/** Of those that ended of late, in percent; null: none has ended. */
export function failurePercent({
  recent,
  former,
}: Pick<Redrive, 'recent' | 'former'>): number | null {
  const ended = recent.ended + former.ended;
  return ended === 0 ? null : ((recent.failed + former.failed) * 100) / ended;
}

function moved(redrive: Redrive): Redrive {
  if (isRedriveOver(redrive)) return redrive;
  if (hasFailedTooOften(redrive)) return { ...redrive, state: 'stopped' };
  const isAllCome = redrive.isAtEnd || tried(redrive) >= redrive.maxItems;
  if (redrive.counts.sent > 0) return redrive;
  if (isAllCome) return { ...redrive, state: 'completed' };
  const isCanaryOver = redrive.state === 'canary' && tried(redrive) >= redrive.canary;
  return isCanaryOver ? { ...redrive, state: 'running' } : redrive;
}

function hasFailedTooOften(redrive: Redrive): boolean {
  const { canary, counts, maxFailurePercent, recent, former } = redrive;
  // So many that the rest of the canary cannot make up for them.
  if (redrive.state === 'canary' && counts.failed * 100 > maxFailurePercent * canary) return true;
  const ended = recent.ended + former.ended;
  const enough = canary > 0 ? Math.min(FEWEST, canary) : FEWEST;
  const isOver = (recent.failed + former.failed) * 100 > maxFailurePercent * ended;
  return redrive.state === 'running' && ended >= enough && isOver;
}

function tried({ counts }: Redrive): number {
  return counts.sent + counts.succeeded + counts.failed + counts.cancelled;
}
