import { FairLine } from '@ezthrottle/engine';
import type { FairLineOptions, Id, LineAccount, LineRef } from '@ezthrottle/engine';

/** Entries held over all lines: shared by them. */
export interface WindowBudget {
  held: number;
  readonly perAccount: number;
  readonly total: number;
}

/** A place in an account's backlog, in the store's order. */
export interface LinePlace {
  readonly rank: number;
  readonly jobId: Id;
  readonly leg: number;
}

/** What to read next for an account: rows after this place. */
export interface Refill {
  readonly account: LineAccount;
  readonly after: LinePlace | null;
}

interface AccountWindow {
  readonly account: LineAccount;
  /** The store has rows behind `upTo` that are not in memory. */
  hasMore: boolean;
  /** Every waiting row up to here is in memory (or has left it). Null: nothing is known. */
  upTo: LinePlace | null;
  isReading: boolean;
  /** Foremost row left to the store while rows were being read: the answer may lack it. Else null. */
  missed: LinePlace | null;
}

/** Kept for every account, however full the memory is. */
const LEAST_PER_ACCOUNT = 4;

/**
 * The line of one destination, of which each account's front is in memory and the rest in the store.
 * What is in memory is always a front part: nothing in the store goes before it.
 */
export class LineWindow {
  readonly #line: FairLine<LineRef>;
  readonly #accounts = new Map<string, AccountWindow>();
  readonly #hungry = new Set<AccountWindow>();
  readonly #budget: WindowBudget;

  constructor(budget: WindowBudget, fairness: FairLineOptions = {}) {
    this.#budget = budget;
    this.#line = new FairLine<LineRef>(fairness);
  }

  /** Entries in memory. */
  get size(): number {
    return this.#line.size;
  }

  /** Accounts that wait, in memory or in the store. */
  get accounts(): number {
    return this.#accounts.size;
  }

  /** Whether the store has more than memory holds. */
  get hasMore(): boolean {
    for (const { hasMore } of this.#accounts.values()) if (hasMore) return true;
    return false;
  }

  /** Whether nobody waits, neither in memory nor in the store. */
  get isEmpty(): boolean {
    return this.#accounts.size === 0;
  }

  /** What is in memory of it, to try things on. */
  fork(): FairLine<LineRef> {
    return this.#line.fork();
  }

  /** Accounts of which the store has more, and behind which place. */
  missing(): readonly Refill[] {
    return [...this.#accounts.values()].flatMap(({ account, hasMore, upTo }) =>
      hasMore ? [{ account, after: upTo }] : [],
    );
  }

  entries(): Iterable<LineRef> {
    return this.#line.entries();
  }

  /** Whether it waits in memory now; else it is left to the store. */
  push(ref: LineRef): boolean {
    const window = this.#window(ref);
    // Among equal ranks the store goes by arrival: holding one twice is harmless, missing one is not.
    if (window.hasMore && (window.upTo === null || ref.rank > window.upTo.rank)) {
      miss(window, ref);
      return false;
    }
    if (!this.#line.push(ref)) return true;
    this.#budget.held += 1;
    if (this.#line.countOf(window.account) <= this.#capacity()) return true;
    return this.#evictLast(window) !== ref.id;
  }

  /** The entry whose turn it is; null when memory holds none (the store may). */
  next(): LineRef | null {
    const ref = this.#line.next();
    if (ref !== null) this.#left(ref);
    return ref;
  }

  remove(id: string): void {
    const ref = this.#line.remove(id);
    if (ref !== null) this.#left(ref);
  }

  /** The store has rows of this account of which memory knows nothing. */
  addBacklog(account: LineAccount): void {
    const window = this.#window(account);
    window.hasMore = true;
    window.upTo = null;
    this.#hungry.add(window);
  }

  /** Whether the store has more of this account in line than memory knows of. */
  isBehind(account: LineAccount, ready: number): boolean {
    const window = this.#accounts.get(keyOf(account));
    if (window === undefined) return ready > 0;
    return !window.hasMore && !window.isReading && this.#line.countOf(account) < ready;
  }

  /** Whether an account runs low. */
  get isHungry(): boolean {
    return this.#hungry.size > 0;
  }

  /** Accounts that run low, at most `limit`: rows must be read for each, and given to `refilled`. */
  takeHungry(limit: number): readonly Refill[] {
    const taken: Refill[] = [];
    for (const window of this.#hungry) {
      if (taken.length >= limit) break;
      this.#hungry.delete(window);
      window.isReading = true;
      window.missed = null;
      taken.push({ account: window.account, after: window.upTo });
    }
    return taken;
  }

  /** @param isWhole whether the store had no rows behind these when it was read. */
  refilled(account: LineAccount, refs: readonly LineRef[], isWhole: boolean): void {
    const window = this.#window(account);
    window.isReading = false;
    for (const ref of refs) if (this.#line.push(ref)) this.#budget.held += 1;
    const { missed } = window;
    const end = refs.at(-1) ?? window.upTo;
    // What came or was given up meanwhile has to be read again, even if the answer went beyond it.
    const isBeyond = missed !== null && end !== null && end.rank >= missed.rank;
    window.upTo = isBeyond ? before(missed) : end;
    window.hasMore = !isWhole || missed !== null;
    this.#look(window);
  }

  #capacity(): number {
    const { held, total, perAccount } = this.#budget;
    return held <= total ? perAccount : LEAST_PER_ACCOUNT;
  }

  #window(account: LineAccount): AccountWindow {
    const key = keyOf(account);
    const known = this.#accounts.get(key);
    if (known !== undefined) return known;
    const window: AccountWindow = {
      account: { apiKey: account.apiKey, userId: account.userId },
      hasMore: false,
      upTo: null,
      isReading: false,
      missed: null,
    };
    this.#accounts.set(key, window);
    return window;
  }

  /** Leaves the last one to the store: it will be read again when its time comes. */
  #evictLast(window: AccountWindow): string | null {
    const last = this.#line.lastOf(window.account);
    if (last === null) return null;
    this.#line.remove(last.id);
    this.#budget.held -= 1;
    window.hasMore = true;
    window.upTo = before(last);
    miss(window, last);
    return last.id;
  }

  #left(ref: LineRef): void {
    this.#budget.held -= 1;
    this.#look(this.#window(ref));
  }

  #look(window: AccountWindow): void {
    const { account, hasMore, isReading } = window;
    const count = this.#line.countOf(account);
    if (hasMore && !isReading && count <= this.#capacity() / 4) this.#hungry.add(window);
    if (hasMore || isReading || count > 0) return;
    this.#hungry.delete(window);
    this.#accounts.delete(keyOf(account));
  }
}

/** An API key's identifier has no space, so that no two accounts have the same. */
function keyOf({ apiKey, userId }: LineAccount): string {
  return `${apiKey} ${userId}`;
}

/** No job has so many. */
const LAST_LEG = 2_147_483_647;

/** The place behind which every row of this one's rank lies. */
function before({ rank, jobId }: LinePlace): LinePlace {
  return { rank: rank - 1, jobId, leg: LAST_LEG };
}

function miss(window: AccountWindow, row: LinePlace): void {
  if (window.isReading && (window.missed === null || row.rank < window.missed.rank)) {
    window.missed = row;
  }
}
