import type { Id, SealedText } from '@ezthrottle/engine';
import { type HiddenValue, hiddenValue } from './hidden-value.ts';
import { createMask, type Mask } from './mask.ts';

/** A sealed value with the name that is shown in its place. */
export interface SealedValue {
  readonly name: string;
  readonly value: SealedText;
}

interface Kept {
  readonly mask: Mask;
  /** By what they were made of, so that a change makes only what is new. */
  readonly values: ReadonlyMap<string, HiddenValue>;
}

/**
 * One mask for each organization, of all values that it has and had. It is made when the first answer comes
 * that may show one, and keeps hashes only.
 */
export class OrganizationMasks {
  /** Null: it cannot be opened. */
  readonly #open: (organization: Id, sealed: SealedValue) => string | null;
  readonly #kept = new Map<Id, Kept>();
  readonly #stale = new Set<Id>();

  constructor(open: (organization: Id, sealed: SealedValue) => string | null) {
    this.#open = open;
  }

  /** Its values are others now. */
  changed(organization: Id): void {
    if (this.#kept.has(organization)) this.#stale.add(organization);
  }

  allChanged(): void {
    for (const organization of this.#kept.keys()) this.#stale.add(organization);
  }

  of(organization: Id, sealed: () => readonly SealedValue[]): Mask {
    const before = this.#kept.get(organization);
    if (before !== undefined && !this.#stale.has(organization)) return before.mask;
    const values = new Map<string, HiddenValue>();
    for (const one of sealed()) {
      const key = `${one.name} ${one.value.nonce} ${one.value.ciphertext}`;
      const known = before?.values.get(key);
      const opened = known === undefined ? this.#open(organization, one) : null;
      const value = opened === null ? known : hiddenValue(one.name, opened);
      if (value !== undefined) values.set(key, value);
    }
    const mask = createMask([...values.values()]);
    this.#kept.set(organization, { mask, values });
    this.#stale.delete(organization);
    return mask;
  }
}
