import { type Clock, type Id, type KeyPacer, paceSavedAt, spendBurst } from '@ezthrottle/engine';

export interface PaceMemoryOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Keys of which it remembers anything. */
  readonly most: number;
  /** What was written down of a key; null: nothing. */
  readonly read: (organization: Id, origin: string) => Promise<string | null>;
  readonly onError: (error: unknown) => void;
}

/** A key, and where the store has it. */
export interface PacePlace {
  readonly key: string;
  readonly organization: Id;
  readonly origin: string;
}

/**
 * What keys have taught at which nothing is going on, in brief. It is all in the store as well: beyond a bound
 * that is where it is looked up, and until the answer is there the key lets nothing go.
 */
export class PaceMemory {
  readonly #options: PaceMemoryOptions;
  /** The one that was put in last at the end. */
  readonly #taught = new Map<string, string>();
  readonly #reading = new Set<string>();
  /** How far the last look for idle keys came. */
  #looking: Iterator<[string, string]> | null = null;
  #isPartial = false;
  /** When this process took over from an earlier one, on the monotonic clock; null: there was none. */
  #takenOverAt: number | null = null;

  constructor(options: PaceMemoryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#taught.size;
  }

  put(key: string, data: string): void {
    this.#taught.delete(key);
    this.#taught.set(key, data);
    if (this.#taught.size <= this.#options.most) return;
    const oldest = this.#taught.keys().next();
    if (oldest.done === false) this.#taught.delete(oldest.value);
    this.#isPartial = true;
  }

  /**
   * Forgets keys at which nothing has changed since then, out of the next `limit` that are looked at; their names.
   * One of which it is not written when that was is kept.
   */
  takeIdle(since: number, limit: number): readonly string[] {
    const idle: string[] = [];
    for (let looked = 0; looked < limit; looked += 1) {
      this.#looking ??= this.#taught.entries();
      const next = this.#looking.next();
      if (next.done === true) {
        this.#looking = null;
        break;
      }
      const [key, data] = next.value;
      const savedAt = paceSavedAt(data);
      if (savedAt === null || savedAt >= since) continue;
      this.#taught.delete(key);
      idle.push(key);
    }
    return idle;
  }

  /** What these keys have taught is somebody else's to know. */
  forget(isGone: (key: string) => boolean): void {
    for (const key of this.#taught.keys()) if (isGone(key)) this.#taught.delete(key);
  }

  /** The store has more than was read from it. */
  isNotAll(): void {
    this.#isPartial = true;
  }

  /**
   * An earlier process has sent calls, up to now at the latest, and may have been killed before it wrote down
   * at which keys: one of which nothing is written begins with its burst spent at this moment.
   */
  takesOver(): void {
    this.#takenOverAt = this.#options.clock.monotonic();
  }

  /** Whether a key waits for what the store knows of it. */
  isReading(key: string): boolean {
    return this.#reading.has(key);
  }

  /**
   * Gives a pacer that has just been made what its key has taught.
   *
   * @param recalled Called later, if it has to be read first: `isReading` is true until then.
   * @param isShared Others learn about it as well: the store knows it better.
   */
  recall(place: PacePlace, pacer: KeyPacer, recalled: () => void, isShared = false): void {
    const data = isShared ? undefined : this.#taught.get(place.key);
    this.#taught.delete(place.key);
    if (data !== undefined) pacer.restore(data, this.#moment());
    else if (this.#isPartial || isShared) void this.#read(place, pacer, recalled);
    else this.#beginAnew(pacer);
  }

  async #read(
    { key, organization, origin }: PacePlace,
    pacer: KeyPacer,
    recalled: () => void,
  ): Promise<void> {
    this.#reading.add(key);
    try {
      const data = await this.#options.read(organization, origin);
      if (data === null) this.#beginAnew(pacer);
      else pacer.restore(data, this.#moment());
    } catch (error) {
      this.#beginAnew(pacer);
      this.#options.onError(error);
    }
    this.#reading.delete(key);
    recalled();
  }

  #beginAnew(pacer: KeyPacer): void {
    if (this.#takenOverAt !== null) pacer.pace = spendBurst(pacer.pace, this.#takenOverAt);
  }

  #moment(): { readonly now: number; readonly wallNow: number } {
    const { clock } = this.#options;
    return { now: clock.monotonic(), wallNow: clock.now() };
  }
}
