import type { Id, PaceSettings } from '@ezthrottle/engine';
import type { DividedKeys } from '../cluster/division/divided-keys.ts';
import type { LimitUsage } from '../cluster/shares/shared-limits.ts';
import type { Ownership } from '../cluster/ownership.ts';
import { type Bearing, wholeOf } from './destination-allotment.ts';
import type { Destination } from './destination.ts';
import type { Destinations } from './destinations.ts';

export interface DividedDestinationsOptions {
  readonly destinations: Destinations;
  readonly ownership: Ownership;
  readonly divided: DividedKeys | undefined;
  readonly settings: (origin: string, organization: Id) => PaceSettings;
}

/** A destination as whoever divides it has to see it. */
export interface HomeOfKey {
  readonly key: string;
  readonly slot: number;
  readonly bears: Bearing;
  /** What of it answers have said. */
  readonly taught: Bearing;
  /** What this node has to do there. */
  readonly usage: () => Pick<LimitUsage, 'demand' | 'accounts'>;
}

/** What other nodes have to do with destinations that are called from here. */
export class DividedDestinations {
  readonly #options: DividedDestinationsOptions;

  constructor(options: DividedDestinationsOptions) {
    this.#options = options;
    options.divided?.onRead((key) => {
      options.destinations.findByKey(key)?.allotment?.renew();
    });
  }

  /** Destinations in memory whose slots this node has. */
  *atHome(): Iterable<HomeOfKey> {
    for (const { key, allotment } of this.#options.destinations.values()) {
      if (allotment === null || !allotment.isHome) continue;
      const { slot } = allotment;
      const [bears, taught] = [allotment.bears(), allotment.taught()];
      yield { key, slot, bears, taught, usage: () => allotment.usage() };
    }
  }

  /** Others have shares of it, or ask for some. */
  shared(key: string): void {
    this.#options.destinations.findByKey(key)?.allotment?.begin();
  }

  /** Nobody else has anything of it any more. */
  alone(key: string): void {
    this.#options.destinations.findByKey(key)?.allotment?.end();
  }

  /** These slots are somebody else's: of what was at home there only parts are called from here. */
  leave(slots: readonly number[]): void {
    const lost = new Set(slots);
    for (const destination of this.#options.destinations.values()) {
      const { allotment } = destination;
      if (allotment !== null && lost.has(allotment.slot) && this.#hasParts(destination)) {
        allotment.begin();
      }
    }
  }

  /** Targets have asked to be left alone. */
  paused(keys: Iterable<string>): void {
    for (const key of keys) this.#options.destinations.findByKey(key)?.allotment?.paused();
  }

  /** All of a destination's pace, of which its homes have shares. */
  settingsOf(key: string, organization: Id, origin: string): PaceSettings {
    const { destinations, divided, settings } = this.#options;
    const live = destinations.findByKey(key)?.allotment?.whole();
    if (live !== undefined) return live;
    const known = divided?.find(key) ?? null;
    return wholeOf(settings(origin, organization), known);
  }

  #hasParts({ organization, lanes }: Destination): boolean {
    for (const { name } of lanes.values()) {
      if (this.#options.ownership.owns(organization, name)) return true;
    }
    return false;
  }
}
