import { type Clock, destinationKey, type Id, type KeyParts } from '@ezthrottle/engine';
import type { DividedKey, DividedKeyRows, DividedKeys } from './divided-keys.ts';

export interface DividedKeyTableOptions {
  readonly rows: Pick<DividedKeyRows, 'read' | 'pause'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Other nodes are to read them again. */
  readonly tell: () => void;
  readonly onError: (error: unknown) => void;
}

/** The divided destinations in memory. */
export class DividedKeyTable implements DividedKeys {
  readonly #options: DividedKeyTableOptions;
  readonly #known = new Map<string, DividedKey>();
  readonly #pauses = new Map<string, number>();
  #onRead: (key: string) => void = () => undefined;

  constructor(options: DividedKeyTableOptions) {
    this.#options = options;
  }

  partsOf(organization: Id, origin: string): KeyParts {
    // Nearly always there is none.
    if (this.#known.size === 0) return 1;
    return this.#known.get(destinationKey(organization, origin))?.parts ?? 1;
  }

  find(key: string): DividedKey | null {
    return this.#known.get(key) ?? null;
  }

  values(): Iterable<DividedKey> {
    return this.#known.values();
  }

  pausedUntil(key: string): number | null {
    return this.#pauses.get(key) ?? null;
  }

  pause(key: string, slot: number, forMs: number): void {
    const { rows, tell, onError } = this.#options;
    rows.pause(key, slot, Math.ceil(forMs)).then(tell, onError);
  }

  onRead(listener: (key: string) => void): void {
    this.#onRead = listener;
  }

  /** Reads them again. */
  async refresh(): Promise<void> {
    const { rows, clock } = this.#options;
    const found = await rows.read();
    // After the answer: a pause rather ends too late.
    const now = clock.monotonic();
    const former = new Set(this.#known.keys());
    this.#known.clear();
    this.#pauses.clear();
    for (const one of found) {
      this.#known.set(one.key, one);
      if (one.pauseMs > 0) this.#pauses.set(one.key, now + one.pauseMs);
      former.add(one.key);
    }
    for (const key of former) this.#onRead(key);
  }
}
