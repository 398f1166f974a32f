import {
  type Clock,
  followGrant,
  type LimitShare,
  NO_SHARE,
  type PaceSettings,
  type SlotOwner,
  type UnderWay,
} from '@ezthrottle/engine';
import type { SlotUser } from '../slot-user.ts';
import { divisionOf } from './division.ts';
import { type HomeKeys, isHomeKey, OthersAtHome } from './others-at-home.ts';
import type { ShareReport, ShareRow, ShareRows, ShareView } from './share-rows.ts';
import type { LimitUsage, SharedLimit, SharedLimits } from './shared-limits.ts';

export interface LimitSharesOptions {
  readonly rows: ShareRows;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** This node in its present life. */
  readonly owner: SlotOwner;
  /** Slots whose limits this node divides. */
  readonly slots: () => readonly number[];
  /** Whether its lease is alive. */
  readonly mayAct: () => boolean;
  /** The limit of this key as it is now; null: there is none. */
  readonly settingsOf: (key: string) => PaceSettings | null;
  /** Keys that the owner of their slot spends whole, as long as nobody else has a share. Absent: there are none. */
  readonly homeKeys?: HomeKeys;
  /** Tells others to look at these limits. */
  readonly tell: (keys: readonly string[]) => void;
  readonly onError: (error: unknown) => void;
  /** How often it looks without being told, in milliseconds. Default 1,000. */
  readonly everyMs?: number;
}

/** A limit that is used here. */
interface Use {
  limit: SharedLimit;
  /** Nothing uses it here any more: it goes when what was spent of it cannot be missed. */
  isDropped: boolean;
  spends: LimitShare;
  /** What was reported last, and when; null: it has no row. */
  reported: { readonly usage: LimitUsage; readonly at: number } | null;
  /** When something wanted it last. */
  wantedAt: number;
  /** It is not wanted, and its row goes. */
  isIdle: boolean;
  /** Calls have slots that were taken back: when they end, others can have them. */
  isOwing: boolean;
}

const NOTHING: LimitUsage = { demand: 0, waiting: 0, inFlight: 0, ratePerSecond: 0 };

/** Looks in one round, at most: what is asked for, divided and confirmed here needs three. */
const MOST_LOOKS = 4;
/** A limit that nobody wants here gives its share back after this time, once its burst is back. */
const IDLE_MS = 10_000;
/** It looks again so soon where something is about to change, in case that nobody tells it. */
const HURRY_MS = 200;
/** What is wanted is told no more often than this, but that something is wanted at all. */
const SETTLED_MS = 900;
/** A row is written at least so often, so that its age tells when its node was there last. */
const REPORT_MS = 10_000;
/**
 * What this node may spend of limits that others spend as well: it says what it wants of them, follows what it
 * is granted, and divides those whose slots it has.
 */
export class LimitShares implements SharedLimits, SlotUser {
  readonly name = 'limit_shares';
  readonly #options: LimitSharesOptions;
  readonly #uses = new Map<string, Use>();
  readonly #others: OthersAtHome;
  /** The last look at slots before they were taken up. */
  readonly #asked = new Map<number, object>();
  #isRunning = false;
  #isUrgent = false;
  /** Something has changed in this round, on which others may act. */
  #isRestless = false;
  #round: Promise<void> | null = null;
  #stopTimer: (() => void) | null = null;

  constructor(options: LimitSharesOptions) {
    this.#options = options;
    this.#others = new OthersAtHome(options.owner, options.homeKeys);
  }

  /** Shares that other nodes have of keys in these slots: known before anything is spent there. */
  async prepare(slots: readonly number[]): Promise<void> {
    const { rows, owner } = this.#options;
    const asked = {};
    for (const slot of slots) this.#asked.set(slot, asked);
    const view = await rows.read(owner, slots);
    // Of a slot that was lost and has come again meanwhile the later look knows better.
    const still = slots.filter((slot) => this.#asked.get(slot) === asked);
    this.#others.heed(view.rows, new Set(still));
  }

  gain(): Promise<void> {
    this.wake();
    return Promise.resolve();
  }

  leave(slots: readonly number[]): void {
    this.#others.leave(slots);
  }

  underWayIn(): UnderWay {
    // What is divided meanwhile is written while the slot is this node's, or not at all.
    return 'nothing';
  }

  hasOthers(key: string): boolean {
    return this.#others.of(key).length > 0;
  }

  /** How others stand with a key whose slot this node has, as of the last look. */
  othersOf(key: string): readonly LimitUsage[] {
    return this.#others.of(key);
  }

  use(limit: SharedLimit): void {
    const { clock } = this.#options;
    const known = this.#uses.get(limit.key);
    if (known?.isDropped === false) return;
    this.#uses.set(limit.key, {
      limit,
      isDropped: false,
      spends: NO_SHARE,
      reported: known?.reported ?? null,
      wantedAt: clock.monotonic(),
      isIdle: false,
      isOwing: false,
    });
    limit.follow(NO_SHARE, false);
    this.wake();
  }

  drop(key: string, owedMs: number): void {
    const use = this.#uses.get(key);
    if (use === undefined || use.isDropped) return;
    const { slot } = use.limit;
    use.limit = {
      key,
      slot,
      usage: () => NOTHING,
      refillMs: () => owedMs,
      follow: () => undefined,
    };
    use.isDropped = true;
    use.wantedAt = this.#options.clock.monotonic();
    this.wake();
  }

  wanted(key: string): void {
    const use = this.#uses.get(key);
    if (use === undefined) return;
    use.wantedAt = this.#options.clock.monotonic();
    if ((use.reported?.usage.demand ?? 0) === 0) this.wake();
  }

  freed(key: string): void {
    if (this.#uses.get(key)?.isOwing === true) this.wake();
  }

  /** Others have changed something about these limits. */
  heard(keys: readonly string[], slotOf: (key: string) => number): void {
    const slots = new Set(this.#options.slots());
    if (keys.some((key) => this.#uses.has(key) || slots.has(slotOf(key)))) this.wake();
  }

  /** Looks now. */
  wake(): void {
    this.#isUrgent = true;
    if (this.#isRunning && this.#round === null) this.#plan(0);
  }

  start(): void {
    this.#isRunning = true;
    this.#plan(0);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#stopTimer?.();
    this.#stopTimer = null;
    await this.#round;
  }

  #plan(delayMs: number): void {
    const { clock, everyMs = 1_000 } = this.#options;
    this.#stopTimer?.();
    this.#stopTimer = clock.after(delayMs, () => {
      this.#stopTimer = null;
      this.#isUrgent = false;
      this.#isRestless = false;
      this.#round = this.#looks().then(() => {
        this.#round = null;
        const isWaiting = this.#isRestless || [...this.#uses.values()].some(isWithout);
        const soon = isWaiting ? Math.min(HURRY_MS, everyMs) : everyMs;
        if (this.#isRunning) this.#plan(this.#isUrgent ? 0 : soon);
      });
    });
  }

  async #looks(): Promise<void> {
    try {
      for (let look = 0; look < MOST_LOOKS; look += 1) {
        if (!this.#options.mayAct() || !(await this.#look())) return;
      }
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** Whether another look may find more to do. */
  async #look(): Promise<boolean> {
    const { rows, owner, slots, tell } = this.#options;
    const asked = await this.#report();
    const held = new Set(slots());
    const tenure = this.#others.tenure;
    const view = await rows.read(owner, [...held]);
    // Of a slot that was lost meanwhile somebody else knows better.
    if (tenure === this.#others.tenure) this.#heedOthers(view, held);
    const divided = await this.#divide(view, held);
    const confirmed = await this.#follow(view.rows);
    const changed = new Set([...asked, ...divided, ...confirmed]);
    if (changed.size > 0) {
      tell([...changed]);
      this.#isRestless = true;
    }
    return divided.length + confirmed.length > 0;
  }

  /** Keys of which others ought to know at once. */
  async #report(): Promise<readonly string[]> {
    const { rows, owner, clock } = this.#options;
    const now = clock.monotonic();
    const reports: (ShareReport & { readonly use: Use })[] = [];
    const asked: string[] = [];
    for (const [key, use] of this.#uses) {
      const { limit, reported } = use;
      const usage = limit.usage();
      if (usage.demand > 0) use.wantedAt = now;
      if (usage.demand === 0 && now - use.wantedAt > Math.max(IDLE_MS, limit.refillMs())) {
        this.#spend(use, NO_SHARE, false);
        use.isIdle = true;
        use.reported = null;
        continue;
      }
      use.isIdle = false;
      const isAsking = usage.demand > 0 && (reported?.usage.demand ?? 0) === 0;
      const age = now - (reported?.at ?? Number.NEGATIVE_INFINITY);
      // Shares that move all the time would have their bursts earned anew all the time.
      const isSoon = age < SETTLED_MS || (isSame(usage, reported?.usage) && age < REPORT_MS);
      if (!isAsking && isSoon) continue;
      if (isAsking) asked.push(key);
      reports.push({ key, slot: limit.slot, usage, use });
    }
    if (reports.length > 0) {
      await rows.report(
        owner,
        reports.map(({ key, slot, usage }) => ({ key, slot, usage })),
      );
      for (const { use, usage } of reports) use.reported = { usage, at: now };
    }
    return asked;
  }

  /** Who has a home to itself spends all of it; who has others there takes a share like them. */
  #heedOthers(view: ShareView, held: ReadonlySet<number>): void {
    this.#others.heed(view.rows, held);
    for (const [key, { limit }] of this.#uses) {
      if (isHomeKey(key) && held.has(limit.slot) && !this.hasOthers(key)) {
        this.#options.homeKeys?.alone(key);
      }
    }
  }

  /** Keys of which something was written. */
  async #divide(view: ShareView, held: ReadonlySet<number>): Promise<readonly string[]> {
    const { rows, owner, settingsOf, mayAct } = this.#options;
    const byKey = new Map<string, ShareRow[]>();
    for (const row of view.rows) {
      if (!held.has(row.slot)) continue;
      const known = byKey.get(row.key);
      if (known === undefined) byKey.set(row.key, [row]);
      else known.push(row);
    }
    const divided: string[] = [];
    for (const [key, own] of byKey) {
      const [row] = own;
      if (row === undefined || !this.#mayDivide(key, own)) continue;
      const settings = settingsOf(key);
      const first = divisionOf(settings, { ...view, rows: own });
      if (first.grants.length + first.gone.length === 0 || !mayAct()) continue;
      if (await rows.divide(owner, row, (latest) => divisionOf(settings, latest)))
        divided.push(key);
    }
    return divided;
  }

  /** Not while it spends the whole itself, or has yet to say what it asks for. */
  #mayDivide(key: string, own: readonly ShareRow[]): boolean {
    const use = this.#uses.get(key);
    const { node } = this.#options.owner;
    if (use?.isIdle === false && !own.some(({ home }) => home.node === node)) return false;
    return !isHomeKey(key) || this.hasOthers(key);
  }

  /** Keys of which something was confirmed. */
  async #follow(rows: readonly ShareRow[]): Promise<readonly string[]> {
    const { owner } = this.#options;
    const mine = rows.filter(({ home }) => home.node === owner.node && home.epoch === owner.epoch);
    const unused = new Set(
      mine.filter(({ key }) => this.#uses.get(key)?.isIdle !== false).map(({ key }) => key),
    );
    if (unused.size > 0) await this.#options.rows.giveUp(owner, [...unused]);
    for (const [key, { isDropped, isIdle }] of this.#uses) {
      if (isDropped && isIdle) this.#uses.delete(key);
    }
    // What was given up is others', also where calls for it have come again meanwhile.
    const found = new Map(mine.flatMap((row) => (unused.has(row.key) ? [] : [[row.key, row]])));
    const confirmations = [...this.#uses].flatMap(([key, use]) => {
      const row = found.get(key);
      if (use.isIdle) return [];
      if (row === undefined) {
        // Somebody has taken it away: it is made again in the next round.
        if (use.reported !== null) this.#spend(use, NO_SHARE, false);
        use.reported = null;
        return [];
      }
      const { inFlight } = use.limit.usage();
      const { spends, confirm } = followGrant(row, inFlight);
      use.isOwing = inFlight > row.granted.concurrency;
      this.#spend(use, spends, false);
      return confirm === null ? [] : [{ key, ...confirm, row }];
    });
    if (confirmations.length === 0) return [];
    const applied = await this.#options.rows.confirm(
      owner,
      confirmations.map(({ key, grant, share }) => ({ key, grant, share })),
    );
    for (const { key, row, share } of confirmations) {
      const use = this.#uses.get(key);
      if (use === undefined || !applied.has(key)) continue;
      this.#spend(use, followGrant({ ...row, confirmed: share }, 0).spends, row.isFresh);
    }
    return [...applied];
  }

  #spend(use: Use, share: LimitShare, isFresh: boolean): void {
    const { spends } = use;
    const isUnchanged =
      share.ratePerSecond === spends.ratePerSecond &&
      share.burst === spends.burst &&
      share.concurrency === spends.concurrency;
    if (isUnchanged) return;
    use.spends = share;
    use.limit.follow(share, isFresh);
  }
}

/** Whether calls wait for a limit of which nothing may be spent. */
function isWithout({ spends, reported }: Use): boolean {
  return spends.ratePerSecond === 0 && (reported?.usage.demand ?? 0) > 0;
}

function isSame(first: LimitUsage, second: LimitUsage | undefined): boolean {
  return (
    second !== undefined &&
    first.demand === second.demand &&
    first.accounts === second.accounts &&
    first.waiting === second.waiting &&
    first.inFlight === second.inFlight &&
    first.ratePerSecond === second.ratePerSecond
  );
}
