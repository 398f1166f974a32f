import {
  type Allotment,
  type Clock,
  type KeyDivision,
  type KeyPacer,
  type LimitShare,
  NO_SHARE,
  type PaceSettings,
  wholeAllotment,
} from '@ezthrottle/engine';
import { refillMs } from '../cluster/shares/division.ts';
import type { LimitUsage, SharedLimits } from '../cluster/shares/shared-limits.ts';
import { divisionOf, hasMoved } from './key-division.ts';
import type { Lane } from './lane.ts';

export interface LimitAllotmentOptions {
  readonly key: string;
  /** Whoever has it divides the limit. */
  readonly slot: number;
  readonly pacer: KeyPacer;
  /** Lines whose calls count against it. */
  readonly lanes: ReadonlySet<Lane>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly shares: SharedLimits;
  /** Of the whole limit, as they are now. */
  readonly settings: () => PaceSettings;
  readonly onChanged: () => void;
}

/** What a node could do within this time is what it asks for. */
const AHEAD_MS = 2_000;
/** Over so long it is counted what has begun of late. */
const LATELY_MS = 1_000;

/** A limit's part at one node among several. */
export class LimitAllotment {
  readonly #options: LimitAllotmentOptions;
  #share: LimitShare = NO_SHARE;
  /** When the share changed last. */
  #movedAt = 0;
  #isUsed = false;
  #begun = 0;
  #begunBefore = 0;
  #countedAt: number;

  constructor(options: LimitAllotmentOptions) {
    this.#options = options;
    this.#countedAt = options.clock.monotonic();
  }

  /** Asks for a share, once. */
  begin(): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    const { key, slot, shares, settings } = this.#options;
    shares.use({
      key,
      slot,
      usage: () => this.#usage(),
      refillMs: () => refillMs(settings()),
      follow: (share, isFresh) => this.#follow(share, isFresh),
    });
  }

  /** What the limit has taught is there: it asks now, or goes on with what it has. */
  recalled(): void {
    if (this.#isUsed) this.#follow(this.#share, false);
    else this.begin();
  }

  /** Needs none any more. */
  end(): void {
    if (!this.#isUsed) return;
    this.#isUsed = false;
    this.#share = NO_SHARE;
    const { key, pacer, clock, shares } = this.#options;
    shares.drop(key, Math.max(0, pacer.pace.arrivesAt - clock.monotonic()));
  }

  /** How it is divided at this moment; null: this node has all of it. */
  division(): KeyDivision | null {
    if (!this.#isUsed) return null;
    const { pacer, settings } = this.#options;
    return divisionOf(settings(), pacer.pace, this.#movedAt, null);
  }

  /** What may be spent of other settings. A limit that is gone is nobody's. */
  resettled(isKnown: boolean): Allotment {
    if (isKnown) this.begin();
    else this.end();
    return isKnown ? this.#allotment() : wholeAllotment(this.#options.settings());
  }

  /** A call has come. */
  wanted(): void {
    if (this.#isUsed) this.#options.shares.wanted(this.#options.key);
  }

  /** A call has begun. */
  begun(): void {
    this.#begun += 1;
  }

  #follow(share: LimitShare, isFresh: boolean): void {
    const { pacer, clock, settings, onChanged } = this.#options;
    if (hasMoved(this.#share, share)) this.#movedAt = clock.monotonic();
    this.#share = share;
    pacer.allot(settings(), this.#allotment(), isFresh, clock.monotonic());
    onChanged();
  }

  /** Never more than there is: a limit that was lowered holds before it is divided anew. */
  #allotment(): Allotment {
    const { ratePerSecond, burst, concurrency } = this.#options.settings();
    return {
      ratePerSecond: Math.min(this.#share.ratePerSecond, ratePerSecond),
      burst: Math.min(this.#share.burst, burst),
      concurrency: Math.min(this.#share.concurrency, Math.floor(concurrency)),
      until: null,
    };
  }

  #usage(): LimitUsage {
    const { pacer, clock, lanes, settings } = this.#options;
    const now = clock.monotonic();
    const whole = settings();
    const { inFlight, ratePerSecond } = pacer.pace;
    let [demand, waiting] = [inFlight + this.#lately(now), 0];
    for (const { line, armed, door, arming, destination } of lanes) {
      const here = line.size + armed.length + door.length + arming;
      waiting += here;
      if (here > 0) demand += Math.min(here, reach(whole, destination.pacer, now));
    }
    const rate = this.#share.ratePerSecond <= 0 ? 0 : ratePerSecond;
    return { demand, waiting, inFlight, ratePerSecond: rate };
  }

  #lately(now: number): number {
    if (now - this.#countedAt >= LATELY_MS) {
      this.#begunBefore = this.#begun;
      this.#begun = 0;
      this.#countedAt = now;
    }
    return Math.max(this.#begun, this.#begunBefore);
  }
}

/** Calls that one destination could take soon, were the limit its own: more must not be kept from others. */
function reach(limit: PaceSettings, destination: KeyPacer, now: number): number {
  const { pausedUntil, concurrency } = destination.paceAhead(now);
  if (concurrency < 1 || (pausedUntil !== null && pausedUntil - now > AHEAD_MS)) return 0;
  const rate = Math.min(limit.ratePerSecond, destination.pace.ratePerSecond);
  return Math.max(1, Math.ceil((rate * AHEAD_MS) / 1_000));
}
