import { compareEntries, RankLine } from './rank-line.ts';
import { TurnRing } from './turn-ring.ts';

export { compareEntries };

/** One thing that waits. `id` is unique in the line and settles the order among equal ranks. */
export interface LineEntry {
  readonly id: string;
  readonly apiKey: string;
  readonly userId: string;
  /** Smaller goes first, within its account. */
  readonly rank: number;
}

export interface LineAccount {
  readonly apiKey: string;
  readonly userId: string;
}

export interface FairLineOptions {
  /** Turns of this API key in a round, from 0.1 to 100; asked at each turn. Default 1 for everybody. */
  readonly weightOf?: (apiKey: string) => number;
  /** API keys with a place of their own; further ones share places. Default `MAX_LIVE_ACCOUNTS`. */
  readonly maxApiKeys?: number;
  /** The same for the users of one API key. Default `MAX_LIVE_ACCOUNTS`. */
  readonly maxUsers?: number;
}

/** Accounts of one level that have a place of their own in a line, where nothing else is said. */
export const MAX_LIVE_ACCOUNTS = 16_384;
/** Places that the accounts beyond share. */
const SHARED_PLACES = 256;

/** Where an account without a place of its own stands, and with how many entries. */
interface SharedPlace {
  readonly key: string;
  readonly user: string;
  count: number;
}

/**
 * The line of one destination. API keys take turns by their weights, within each its users take turns,
 * within each the smallest rank goes first. Beyond a bound of accounts the newest share places, so that
 * invented names do not fill the memory. Mutable, and deterministic: the same calls give the same order.
 */
export class FairLine<Entry extends LineEntry> {
  #keys = new TurnRing<KeyLine<Entry>>();
  readonly #entries = new Map<string, Entry>();
  /** By account; only those that share. */
  #shared = new Map<string, SharedPlace>();
  readonly #options: FairLineOptions;

  constructor(options: FairLineOptions = {}) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** False when the entry is in line already: it keeps its place. */
  push(entry: Entry): boolean {
    if (this.#entries.has(entry.id)) return false;
    this.#entries.set(entry.id, entry);
    const place = this.#placeFor(entry);
    const key = this.#keys.get(place.key) ?? this.#newKey(entry.apiKey, place.key);
    key.push(entry, place.user);
    this.#keys.join(place.key, key);
    return true;
  }

  /** Takes out whose turn it is; null when the line is empty. */
  next(): Entry | null {
    const entry = this.#keys.turn()?.next() ?? null;
    if (entry !== null) this.#forget(entry);
    return entry;
  }

  /** Takes out this one; null when it is not in line. */
  remove(id: string): Entry | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    const place = this.#placeOf(entry);
    this.#keys.get(place.key)?.remove(entry, place.user);
    this.#forget(entry);
    return entry;
  }

  countOf(account: LineAccount): number {
    const shared = this.#sharedOf(account);
    if (shared !== undefined) return shared.count;
    return this.#keys.get(account.apiKey)?.user(account.userId)?.size ?? 0;
  }

  /** The entry of this account that would go last. */
  lastOf(account: LineAccount): Entry | null {
    const { apiKey, userId } = account;
    const place = this.#placeOf(account);
    const line = this.#keys.get(place.key)?.user(place.user);
    return line?.last((entry) => entry.apiKey === apiKey && entry.userId === userId) ?? null;
  }

  /** In no particular order. */
  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** The same line, to try things on: whose turn it is there is whose it would be here. */
  fork(): FairLine<Entry> {
    return this.forkAs((entry) => entry);
  }

  /** The same with others in the places of its entries: of the same ids, accounts and ranks. */
  forkAs<Other extends LineEntry>(otherOf: (entry: Entry) => Other): FairLine<Other> {
    const copy = new FairLine<Other>(this.#options);
    const others = new Map<Entry, Other>();
    for (const [id, entry] of this.#entries) {
      const other = otherOf(entry);
      others.set(entry, other);
      copy.#entries.set(id, other);
    }
    copy.#keys = this.#keys.fork((key) => key.fork((entry) => others.get(entry) ?? otherOf(entry)));
    copy.#shared = new Map([...this.#shared].map(([name, place]) => [name, { ...place }]));
    return copy;
  }

  #newKey(apiKey: string, place: string): KeyLine<Entry> {
    const { weightOf } = this.#options;
    const isShared = place !== apiKey || weightOf === undefined;
    return new KeyLine<Entry>(isShared ? null : () => weightOf(apiKey));
  }

  /** Who shares a place keeps it while it has anybody there, so that its entries stay in order. */
  #placeFor(account: LineAccount): Omit<SharedPlace, 'count'> {
    const known = this.#sharedOf(account);
    if (known !== undefined) {
      known.count += 1;
      return known;
    }
    const { apiKey, userId } = account;
    const { maxApiKeys = MAX_LIVE_ACCOUNTS, maxUsers = MAX_LIVE_ACCOUNTS } = this.#options;
    const hasKey = this.#keys.get(apiKey) !== undefined || this.#keys.size < maxApiKeys;
    const key = hasKey ? apiKey : sharedPlace(apiKey);
    // Under a shared key the same user of two keys are two.
    const ownUser = hasKey ? userId : nameOf(account);
    const users = this.#keys.get(key);
    const hasUser =
      users === undefined || users.user(ownUser) !== undefined || users.userCount < maxUsers;
    const user = hasUser ? ownUser : sharedPlace(nameOf(account));
    if (!hasKey || !hasUser) this.#shared.set(nameOf(account), { key, user, count: 1 });
    return { key, user };
  }

  #placeOf(account: LineAccount): Omit<SharedPlace, 'count'> {
    const { apiKey: key, userId: user } = account;
    return this.#sharedOf(account) ?? { key, user };
  }

  /** Hardly a line has so many accounts that any shares: then none of them is given a name. */
  #sharedOf(account: LineAccount): SharedPlace | undefined {
    return this.#shared.size === 0 ? undefined : this.#shared.get(nameOf(account));
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.id);
    if (this.#shared.size > 0) {
      const name = nameOf(entry);
      const shared = this.#shared.get(name);
      if (shared !== undefined && (shared.count -= 1) === 0) this.#shared.delete(name);
    }
    // Nobody waits, so nobody is owed a turn: the ring need not remember who was here.
    if (this.#entries.size === 0) this.#keys.clear();
  }
}

/** The users of one API key. */
class KeyLine<Entry extends LineEntry> {
  readonly #weightOf: (() => number) | null;
  #users = new TurnRing<RankLine<Entry>>();
  #size = 0;

  /** @param weightOf Null: 1. */
  constructor(weightOf: (() => number) | null) {
    this.#weightOf = weightOf;
  }

  get weight(): number {
    return this.#weightOf?.() ?? 1;
  }

  get size(): number {
    return this.#size;
  }

  get userCount(): number {
    return this.#users.size;
  }

  user(name: string): RankLine<Entry> | undefined {
    return this.#users.get(name);
  }

  push(entry: Entry, name: string): void {
    const user = this.#users.get(name) ?? new RankLine<Entry>();
    user.push(entry);
    this.#users.join(name, user);
    this.#size += 1;
  }

  next(): Entry | null {
    const entry = this.#users.turn()?.next() ?? null;
    if (entry !== null) this.#size -= 1;
    return entry;
  }

  fork<Other extends LineEntry>(otherOf: (entry: Entry) => Other): KeyLine<Other> {
    const copy = new KeyLine<Other>(this.#weightOf);
    copy.#users = this.#users.fork((user) => user.fork(otherOf));
    copy.#size = this.#size;
    return copy;
  }

  remove(entry: Entry, name: string): void {
    if (this.#users.get(name)?.remove(entry) === true) this.#size -= 1;
  }
}

function nameOf({ apiKey, userId }: LineAccount): string {
  return JSON.stringify([apiKey, userId]);
}

/** A place by the name's FNV-1a hash; the prefix is part of no name that a client can choose. */
function sharedPlace(name: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return `\u0000shared ${hash % SHARED_PLACES}`;
}
