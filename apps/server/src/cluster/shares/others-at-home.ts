import type { SlotOwner } from '@ezthrottle/engine';
import type { ShareRow } from './share-rows.ts';
import type { LimitUsage } from './shared-limits.ts';

/** Told about keys that the owner of their slot spends whole, as long as nobody else has a share of them. */
export interface HomeKeys {
  /** Others have shares of this key, or ask for some: from this moment on its home has one as well. */
  shared(key: string): void;
  /** Nobody else has anything of this key any more. */
  alone(key: string): void;
}

/** Whether the owner of its slot spends it whole while nobody else asks: a destination, and no limit beside it. */
export function isHomeKey(key: string): boolean {
  return key.startsWith('destination ');
}

interface Others {
  readonly slot: number;
  readonly usages: readonly LimitUsage[];
}

/**
 * Who else has shares of keys whose slots this node has. Only the owner of a slot grants any, so what was read when
 * the slot was taken, and what this node has granted since, is all that there can be.
 */
export class OthersAtHome {
  readonly #known = new Map<string, Others>();
  readonly #owner: SlotOwner;
  readonly #told: HomeKeys | undefined;
  #tenure = 0;

  constructor(owner: SlotOwner, told: HomeKeys | undefined) {
    this.#owner = owner;
    this.#told = told;
  }

  /** Another number when slots were lost: what was read before says nothing about them. */
  get tenure(): number {
    return this.#tenure;
  }

  of(key: string): readonly LimitUsage[] {
    return this.#known.get(key)?.usages ?? [];
  }

  /** @param slots In which these are all rows that there are. */
  heed(rows: readonly ShareRow[], slots: ReadonlySet<number>): void {
    const found = new Map<string, { readonly slot: number; readonly usages: LimitUsage[] }>();
    for (const { key, slot, home, isCurrent, usage } of rows) {
      if (!isCurrent || home.node === this.#owner.node) continue;
      if (!slots.has(slot) || !isHomeKey(key)) continue;
      const others = found.get(key) ?? { slot, usages: [] };
      others.usages.push(usage);
      found.set(key, others);
    }
    for (const [key, { slot }] of this.#known) {
      if (slots.has(slot) && !found.has(key)) this.#known.delete(key);
    }
    for (const [key, others] of found) {
      this.#known.set(key, others);
      this.#told?.shared(key);
    }
  }

  leave(slots: readonly number[]): void {
    this.#tenure += 1;
    const lost = new Set(slots);
    for (const [key, { slot }] of this.#known) if (lost.has(slot)) this.#known.delete(key);
  }
}
