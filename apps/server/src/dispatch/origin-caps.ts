import {
  createPace,
  KeyPacer,
  type PaceSettings,
  slotOfLimit,
  spendBurst,
} from '@ezthrottle/engine';
import type { Clock, Id } from '@ezthrottle/engine';
import type { SharedLimits } from '../cluster/shares/shared-limits.ts';
import type { Lane } from './lane.ts';
import { LimitAllotment } from './limit-allotment.ts';
import type { NamedLimit } from './limit-keys.ts';

/** They belong to no organization. */
const NOBODY: Id = '';

/**
 * What the operator allows to an origin over all organizations together. Calls count against it beside their
 * own destination; no answer moves it, so that nothing that one organization is told holds back another.
 */
export class OriginCaps {
  readonly #caps = new Map<string, NamedLimit>();

  /**
   * @param shares Absent: no other node spends any of them.
   * @param onAllotted This node may spend more or less of one.
   */
  constructor(
    settings: ReadonlyMap<string, PaceSettings>,
    clock: Pick<Clock, 'monotonic'>,
    shares?: SharedLimits,
    onAllotted: (cap: NamedLimit) => void = () => undefined,
  ) {
    for (const [origin, pace] of settings) {
      const key = keyOf(origin);
      // What was sent before a restart is not known: the burst counts as spent.
      const fresh = spendBurst(createPace(pace, clock.monotonic()), clock.monotonic());
      const pacer = new KeyPacer({
        key,
        pace: fresh,
        learns: false,
        circuit: null,
        countsArrivals: true,
      });
      const name = `cap of ${origin}`;
      const lanes = new Set<Lane>();
      const allotment =
        shares === undefined
          ? null
          : new LimitAllotment({
              key,
              slot: slotOfCap(origin),
              pacer,
              lanes,
              clock,
              shares,
              settings: () => pace,
              onChanged: () => onAllotted(cap),
            });
      const cap: NamedLimit = {
        key,
        organization: NOBODY,
        name,
        pacer,
        lanes,
        source: null,
        isKnown: true,
        allotment,
      };
      this.#caps.set(key, cap);
    }
  }

  /** Null: the operator has said nothing. */
  of(origin: string): NamedLimit | null {
    const cap = this.#caps.get(keyOf(origin)) ?? null;
    cap?.allotment?.begin();
    return cap;
  }

  find(key: string): NamedLimit | undefined {
    return this.#caps.get(key);
  }
}

/** The part whose owner divides the cap of this origin among nodes. */
export function slotOfCap(origin: string): number {
  return slotOfLimit(NOBODY, keyOf(origin));
}

function keyOf(origin: string): string {
  return `cap ${origin}`;
}
