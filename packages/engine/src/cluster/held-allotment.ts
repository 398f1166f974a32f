import type { LimitShare } from '../pace/allotment.ts';
import type { HomeAllotment } from './allotments.ts';

/** What a home writes to its row, if the grant there still has this number. */
export interface Confirmation {
  readonly grant: number;
  readonly share: LimitShare;
}

/** How a home follows what its row says. */
export interface Following {
  /** What it may spend from this moment on. */
  readonly spends: LimitShare;
  /** To be written; null: nothing. Once it is, the row reads so, and what was granted may be spent. */
  readonly confirm: Confirmation | null;
}

/**
 * A home has read its row. Less holds at once, more from when it is confirmed: the one who divides must never
 * know of less than what is spent.
 *
 * @param inFlight Calls that it has under way: they take their slots until they end.
 */
export function followGrant(
  { granted, confirmed, grant }: Pick<HomeAllotment, 'granted' | 'confirmed' | 'grant'>,
  inFlight: number,
): Following {
  const spends: LimitShare = {
    ratePerSecond: Math.min(granted.ratePerSecond, confirmed.ratePerSecond),
    burst: Math.min(granted.burst, confirmed.burst),
    concurrency: Math.min(granted.concurrency, confirmed.concurrency),
  };
  const share = { ...granted, concurrency: Math.max(granted.concurrency, inFlight) };
  const isConfirmed =
    share.ratePerSecond === confirmed.ratePerSecond &&
    share.burst === confirmed.burst &&
    share.concurrency === confirmed.concurrency;
  return { spends, confirm: isConfirmed ? null : { grant, share } };
}
