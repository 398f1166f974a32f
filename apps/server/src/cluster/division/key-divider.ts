import {
  DEMAND_SECONDS,
  type KeyLoad,
  type KeyParts,
  keyParts,
  SPLIT,
  type SplitOptions,
} from '@ezthrottle/engine';
import type { HomeOfKey } from '../../dispatch/divided-destinations.ts';
import type { LimitUsage } from '../shares/shared-limits.ts';
import type { DividedKey, DividedKeyRows } from './divided-keys.ts';

export interface KeyDividerOptions {
  readonly rows: Pick<DividedKeyRows, 'divide' | 'forget'>;
  readonly known: {
    values(): Iterable<DividedKey>;
    find(key: string): DividedKey | null;
    refresh(): Promise<void>;
  };
  /** Destinations in memory whose slots this node has. */
  readonly atHome: () => Iterable<HomeOfKey>;
  /** How other nodes stand with one of them. */
  readonly othersOf: (key: string) => readonly LimitUsage[];
  readonly holds: (slot: number) => boolean;
  /** Whether there is no other node that could have parts. */
  readonly isAlone: () => boolean;
  /** Calls per second to one destination that one node is let to do; 0: none is divided. */
  readonly callsPerSecond: number;
  /** Other nodes are to know of it. */
  readonly tell: () => void;
  readonly logger: { info(details: object, message: string): void };
}

/** Rounds in which more parts (or fewer) are wanted one after the other before anything is done about it. */
const ROUNDS = { more: 3, fewer: 5, forget: 60 };

/** Says of the destinations whose slots a node has into how many parts their accounts are divided. */
export class KeyDivider {
  readonly #options: KeyDividerOptions;
  /** In how many rounds after each other something else was wanted. */
  readonly #wanted = new Map<string, { readonly parts: KeyParts; readonly rounds: number }>();

  constructor(options: KeyDividerOptions) {
    this.#options = options;
  }

  /** Once a second. */
  async round(): Promise<void> {
    const { atHome, known, holds } = this.#options;
    const homes = new Map([...atHome()].map((home) => [home.key, home]));
    for (const one of known.values()) {
      if (!homes.has(one.key) && holds(one.slot)) homes.set(one.key, unused(one));
    }
    for (const key of this.#wanted.keys()) if (!homes.has(key)) this.#wanted.delete(key);
    for (const home of homes.values()) await this.#look(home);
  }

  async #look(home: HomeOfKey): Promise<void> {
    const row = this.#options.known.find(home.key);
    const parts = row?.parts ?? 1;
    const split = this.#split();
    const { callsPerSecond, splitAbove } = split;
    // Nearly every destination: nobody has to count what it is called.
    if (row === null && home.bears.ratePerSecond <= callsPerSecond * splitAbove) return;
    const next = keyParts(parts, this.#loadOf(home), split);
    if (next === parts && (row === null || parts > 1)) {
      this.#wanted.delete(home.key);
      return;
    }
    const former = this.#wanted.get(home.key);
    const rounds = former?.parts === next ? former.rounds + 1 : 1;
    this.#wanted.set(home.key, { parts: next, rounds });
    if (next === parts) await this.#forget(home, row, rounds);
    else if (rounds >= (next > parts ? ROUNDS.more : ROUNDS.fewer)) {
      await this.#divide(home, row, next);
    }
  }

  /** What it joins was divided when there were others, or by whoever was let to. */
  #split(): SplitOptions {
    const { callsPerSecond, isAlone } = this.#options;
    const isNever = callsPerSecond === 0 || isAlone();
    return { ...SPLIT, callsPerSecond: isNever ? Number.POSITIVE_INFINITY : callsPerSecond };
  }

  #loadOf({ key, bears, usage }: HomeOfKey): KeyLoad {
    const { demand, accounts = 0 } = usage();
    const others = this.#options.othersOf(key);
    const asked = others.reduce((sum, other) => sum + other.demand, demand);
    return {
      callsPerSecond: Math.min(bears.ratePerSecond, asked / DEMAND_SECONDS),
      accounts: others.reduce((sum, other) => sum + (other.accounts ?? 0), accounts),
    };
  }

  async #divide(home: HomeOfKey, row: DividedKey | null, parts: KeyParts): Promise<void> {
    const { rows, known, tell, logger } = this.#options;
    this.#wanted.delete(home.key);
    const { key, slot, taught } = home;
    const version = row?.version ?? 0;
    if (!(await rows.divide({ key, slot, parts, version, ...taught }))) return;
    await known.refresh();
    tell();
    logger.info(
      { event: 'destination_divided', key, parts },
      'a destination is divided among nodes by account, or is whole again',
    );
  }

  /** Whole again for a while, and nobody needs to know what it bore. */
  async #forget({ key }: HomeOfKey, row: DividedKey | null, rounds: number): Promise<void> {
    const { rows, known, othersOf, tell } = this.#options;
    if (row === null || rounds < ROUNDS.forget || row.pauseMs > 0) return;
    if (othersOf(key).length > 0) return;
    this.#wanted.delete(key);
    await rows.forget(row);
    await known.refresh();
    tell();
  }
}

/** Of a key whose home has none of its calls: what others ask for says enough. */
function unused({ key, slot, ratePerSecond, concurrency }: DividedKey): HomeOfKey {
  const usage = () => ({ demand: 0 });
  const endless = Number.POSITIVE_INFINITY;
  const bears = { ratePerSecond: endless, concurrency: endless };
  return { key, slot, bears, taught: { ratePerSecond, concurrency }, usage };
}
