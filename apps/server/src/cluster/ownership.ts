import { type Id, slotOf, slotOfEndpoint } from '@ezthrottle/engine';

/** Which part of the work is this node's. */
export interface Ownership {
  /** For reads of the store. Undefined: all of them. */
  slots(): readonly number[] | undefined;
  /** Whether this line (`lineName`, or an origin) is admitted, armed and sent here. */
  owns(organization: Id, line: string): boolean;
  /** Whether this slot is this node's. */
  has(slot: number): boolean;
  /** Whether deliveries to this address are sent here. */
  ownsEndpoint(organization: Id, url: string): boolean;
  /** Whether anything may leave at this moment: asked in the very tick in which it leaves. */
  mayAct(): boolean;
}

/** One machine: everything, always. */
export const WHOLE: Ownership = {
  slots: () => undefined,
  owns: () => true,
  has: () => true,
  ownsEndpoint: () => true,
  mayAct: () => true,
};

/** The slots of one node among several, as they come and go. */
export class HeldSlots implements Ownership {
  readonly #held = new Set<number>();
  readonly #mayAct: () => boolean;

  /** @param mayAct Whether the node's lease holds. */
  constructor(mayAct: () => boolean) {
    this.#mayAct = mayAct;
  }

  slots(): readonly number[] {
    return [...this.#held];
  }

  owns(organization: Id, line: string): boolean {
    return this.#held.has(slotOf(organization, line));
  }

  ownsEndpoint(organization: Id, url: string): boolean {
    return this.#held.has(slotOfEndpoint(organization, url));
  }

  has(slot: number): boolean {
    return this.#held.has(slot);
  }

  mayAct(): boolean {
    return this.#mayAct();
  }

  add(slots: Iterable<number>): void {
    for (const slot of slots) this.#held.add(slot);
  }

  delete(slots: Iterable<number>): void {
    for (const slot of slots) this.#held.delete(slot);
  }
}
