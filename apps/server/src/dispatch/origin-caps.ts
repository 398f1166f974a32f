import { createPace, KeyPacer, type PaceSettings, spendBurst } from '@ezthrottle/engine';
import type { Clock, Id } from '@ezthrottle/engine';
import type { Lane } from './lane.ts';
import type { NamedLimit } from './limit-keys.ts';

/** They belong to no organization. */
const NOBODY: Id = '';

/**
 * What the operator allows to an origin over all organizations together. Calls count against it beside their
 * own destination; no answer moves it, so that nothing that one organization is told holds back another.
 */
export class OriginCaps {
  readonly #caps = new Map<string, NamedLimit>();

  constructor(settings: ReadonlyMap<string, PaceSettings>, clock: Pick<Clock, 'monotonic'>) {
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
      const cap = {
        key,
        organization: NOBODY,
        name,
        pacer,
        lanes: new Set<Lane>(),
        source: null,
        isKnown: true,
      };
      this.#caps.set(key, cap);
    }
  }

  /** Null: the operator has said nothing. */
  of(origin: string): NamedLimit | null {
    return this.#caps.get(keyOf(origin)) ?? null;
  }

  find(key: string): NamedLimit | undefined {
    return this.#caps.get(key);
  }
}

function keyOf(origin: string): string {
  return `cap ${origin}`;
}
