import {
  type Allotment,
  type Clock,
  DEMAND_SECONDS,
  type KeyDivision,
  type KeyPacer,
  type LimitShare,
  type LineAccount,
  NO_SHARE,
  type PaceSettings,
  wholeAllotment,
  wholeSlots,
} from '@ezthrottle/engine';
import type { DividedKeys } from '../cluster/division/divided-keys.ts';
import type { Ownership } from '../cluster/ownership.ts';
import { refillMs } from '../cluster/shares/division.ts';
import type { LimitUsage, SharedLimits } from '../cluster/shares/shared-limits.ts';
import { divisionOf, hasMoved } from './key-division.ts';
import type { Lane } from './lane.ts';
import { RecentAccounts } from './recent-accounts.ts';

export interface DestinationAllotmentOptions {
  /** `destinationKey`. */
  readonly key: string;
  /** Whoever has it is the destination's home. */
  readonly slot: number;
  readonly pacer: KeyPacer;
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly shares: SharedLimits;
  readonly divided: DividedKeys;
  readonly ownership: Pick<Ownership, 'has'>;
  /** Of the destination, before it has taught anything. */
  readonly settings: () => PaceSettings;
  readonly onChanged: () => void;
}

/** What a destination bears, or has taught that it does; 0: nothing is known of it. */
export interface Bearing {
  readonly ratePerSecond: number;
  readonly concurrency: number;
}

/**
 * What this node may spend of a destination's pace. Its home spends the whole while nobody else has calls for it;
 * where the destination was divided by account each home has a share, as of a limit that several nodes spend.
 */
export class DestinationAllotment {
  readonly slot: number;
  readonly #options: DestinationAllotmentOptions;
  readonly #recent: RecentAccounts;
  /** Null: the whole. */
  #share: LimitShare | null = null;
  /** When the share changed last. */
  #movedAt = 0;
  /** What it had taught when it was shared. */
  #taught: Bearing | null = null;

  constructor(options: DestinationAllotmentOptions) {
    this.#options = options;
    this.slot = options.slot;
    this.#recent = new RecentAccounts(options.clock.monotonic());
  }

  get isShared(): boolean {
    return this.#share !== null;
  }

  /** Whether this node says how it is divided. */
  get isHome(): boolean {
    return this.#options.ownership.has(this.slot);
  }

  /** Whether it has but a share of what another node is home to, which writes down what it has taught. */
  get isGuest(): boolean {
    return this.isShared && !this.isHome;
  }

  /** Asked before anything is sent: the whole is spent only at home, and only by nobody else. */
  settle(): void {
    if (this.#share !== null) return;
    const { key, shares } = this.#options;
    if (!this.isHome || shares.hasOthers(key)) this.begin();
  }

  /** From this moment on it spends no more than its share, of which it is told later. */
  begin(): void {
    if (this.#share !== null) return;
    const { key, slot, shares, clock } = this.#options;
    this.#movedAt = clock.monotonic();
    this.#taught = this.isHome ? this.taught() : null;
    this.#share = NO_SHARE;
    shares.use({
      key,
      slot,
      usage: () => this.usage(),
      refillMs: () => refillMs(this.whole()),
      follow: (share) => {
        if (hasMoved(this.#share ?? NO_SHARE, share)) this.#movedAt = clock.monotonic();
        this.#share = share;
        this.#follow();
      },
    });
  }

  /** Nobody else spends anything of it any more. */
  end(): void {
    if (this.#share === null || !this.isHome) return;
    const { key, pacer, clock, shares, settings, onChanged } = this.#options;
    // What it has taught is the pacer's own again, beside what is set.
    const whole = settings();
    this.#share = null;
    shares.drop(key, 0);
    pacer.allot(whole, wholeAllotment(whole), false, clock.monotonic());
    onChanged();
  }

  /** The destination is forgotten. */
  close(): void {
    if (this.#share === null) return;
    this.#share = null;
    const { key, pacer, clock, shares } = this.#options;
    shares.drop(key, Math.max(0, pacer.pace.arrivesAt - clock.monotonic()));
  }

  /** What it has taught is there, or what all nodes know of it has changed. */
  renew(): void {
    const { key, clock, divided, pacer, onChanged } = this.#options;
    const until = divided.pausedUntil(key);
    if (until !== null) pacer.pause(until, clock.monotonic());
    if (this.#share !== null) this.#follow();
    else if (until !== null) onChanged();
  }

  /** What may be spent of other settings; null: all. */
  resettled(): Allotment | null {
    return this.#share === null ? null : this.#allotment();
  }

  /** A call stands in line. */
  wanted(): void {
    if (this.#share !== null) this.#options.shares.wanted(this.#options.key);
  }

  /** A call has begun. */
  begun(account: LineAccount): void {
    this.#recent.begun(account, this.#options.clock.monotonic());
  }

  /** A call has ended. */
  freed(): void {
    if (this.#share !== null) this.#options.shares.freed(this.#options.key);
  }

  /** A target has asked to be left alone. */
  paused(): void {
    const { key, slot, clock, divided, pacer } = this.#options;
    if (this.#share === null && divided.find(key) === null) return;
    const forMs = (pacer.pace.pausedUntil ?? 0) - clock.monotonic();
    if (forMs > 0) divided.pause(key, slot, forMs);
  }

  /** How it is divided at this moment; null: this node spends the whole. */
  division(): KeyDivision | null {
    if (this.#share === null) return null;
    const { key, divided, pacer } = this.#options;
    return divisionOf(this.whole(), pacer.pace, this.#movedAt, divided.find(key)?.parts ?? 1);
  }

  /** All of it, of which the homes have their shares. */
  whole(): PaceSettings {
    return wholeOf(this.#options.settings(), this.taught());
  }

  /** Of what it bears: what answers have said, whoever has set what. */
  taught(): Bearing {
    const { key, divided, pacer } = this.#options;
    if (this.#share === null) {
      const { learnedRate, learnedConcurrency } = pacer.pace;
      return {
        ratePerSecond: learnedRate ?? 0,
        concurrency: wholeSlots(learnedConcurrency ?? 0),
      };
    }
    const known = divided.find(key);
    const isKnown = known !== null && known.ratePerSecond + known.concurrency > 0;
    const { ratePerSecond, concurrency } = (isKnown ? known : this.#taught) ?? UNTAUGHT;
    return { ratePerSecond, concurrency };
  }

  /** What it bears by all that is known now. */
  bears(): Bearing {
    if (this.#share !== null) return this.whole();
    const { ratePerSecond, concurrency, learnedRate, learnedConcurrency } =
      this.#options.pacer.pace;
    return {
      ratePerSecond: Math.max(ratePerSecond, learnedRate ?? 0),
      concurrency: Math.max(concurrency, wholeSlots(learnedConcurrency ?? 0)),
    };
  }

  usage(): LimitUsage {
    const { pacer, clock, lanes } = this.#options;
    const now = clock.monotonic();
    const { inFlight, ratePerSecond } = pacer.pace;
    let [waiting, accounts, isBeyondMemory] = [0, 0, false];
    for (const { line, armed, door, arming } of lanes.values()) {
      waiting += line.size + armed.length + door.length + arming;
      accounts += line.accounts;
      isBeyondMemory ||= line.hasMore;
    }
    const most = this.#isPausedLong(now) ? 0 : this.whole().ratePerSecond * DEMAND_SECONDS;
    const needed = Math.min(most, isBeyondMemory ? most : waiting);
    const demand = Math.max(
      inFlight > 0 ? 1 : 0,
      needed + DEMAND_SECONDS * this.#recent.calls(now),
    );
    return {
      demand,
      accounts: demand === 0 ? 0 : Math.max(1, accounts, this.#recent.accounts(now)),
      waiting,
      inFlight,
      ratePerSecond: this.#share?.ratePerSecond === 0 ? 0 : ratePerSecond,
    };
  }

  #isPausedLong(now: number): boolean {
    const { pausedUntil } = this.#options.pacer.paceAhead(now);
    return pausedUntil !== null && pausedUntil - now > DEMAND_SECONDS * 1_000;
  }

  #follow(): void {
    const { pacer, clock, onChanged } = this.#options;
    pacer.allot(this.whole(), this.#allotment(), false, clock.monotonic());
    onChanged();
  }

  /** Never more than there is, as in `LimitAllotment`. */
  #allotment(): Allotment {
    const { ratePerSecond, burst, concurrency } = this.whole();
    const share = this.#share ?? NO_SHARE;
    return {
      ratePerSecond: Math.min(share.ratePerSecond, ratePerSecond),
      burst: Math.min(share.burst, burst),
      concurrency: Math.min(share.concurrency, Math.floor(concurrency)),
      until: null,
    };
  }
}

const UNTAUGHT: Bearing = { ratePerSecond: 0, concurrency: 0 };

/** Settings of a destination with what it has taught, unless somebody has said how much it bears. */
export function wholeOf(settings: PaceSettings, taught: Bearing | null): PaceSettings {
  if (taught === null || (settings.configured && !settings.allowRaise)) return settings;
  return {
    ...settings,
    ratePerSecond: Math.max(settings.ratePerSecond, taught.ratePerSecond),
    concurrency: Math.max(settings.concurrency, taught.concurrency),
    isTaught: taught.ratePerSecond > settings.ratePerSecond,
  };
}
