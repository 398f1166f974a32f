import {
  afterRegionCall,
  afterRegionChoice,
  type CircuitPolicy,
  type Clock,
  destinationKey,
  egressVerdict,
  healthyRegions,
  type Id,
  type Outcome,
  reachVerdict,
  type RegionHealth,
} from '@ezthrottle/engine';

/** How the regions of this server fare. */
export interface RegionWatch {
  /** Whether anything is known that speaks against any of them: else none has to be looked at. */
  readonly isTroubled: boolean;
  /** Those from which this origin is known to be reached, in their order; all when none is. */
  reachable(organization: Id, origin: string, regions: readonly string[]): readonly string[];
  /** A call to this origin is to leave from there. */
  chosen(organization: Id, origin: string, region: string): void;
  /** What came of a call. */
  after(organization: Id, origin: string, region: string, outcome: Outcome): void;
  /** The state of each region's egress, and how many destinations are not reached from there. */
  states(): readonly RegionState[];
}

export interface RegionState {
  readonly name: string;
  readonly state: 'up' | 'down' | 'coming_back';
  readonly unreachable: number;
}

export interface RegionWatchOptions {
  /** Those of this moment. */
  readonly regions: () => readonly string[];
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly policy: CircuitPolicy;
  /** Destinations of which something is remembered. Default 10 000. */
  readonly mostDestinations?: number;
}

const MOST_DESTINATIONS = 10_000;

/** Nothing outlives the process: what fails is found out again after so few calls. */
export function createRegionWatch(options: RegionWatchOptions): RegionWatch {
  return new Watch(options);
}

class Watch implements RegionWatch {
  readonly #options: RegionWatchOptions;
  /** Over all destinations. */
  #egresses: RegionHealth = {};
  /** Only those where something has failed, the one that was heard of last at the end. */
  readonly #destinations = new Map<string, RegionHealth>();

  constructor(options: RegionWatchOptions) {
    this.#options = options;
  }

  get isTroubled(): boolean {
    return this.#destinations.size > 0 || !isEmpty(this.#egresses);
  }

  reachable(organization: Id, origin: string, regions: readonly string[]): readonly string[] {
    const now = this.#options.clock.monotonic();
    const open = healthyRegions(regions, this.#egresses, now);
    const known = this.#destinations.get(destinationKey(organization, origin));
    return known === undefined ? open : healthyRegions(open, known, now);
  }

  chosen(organization: Id, origin: string, region: string): void {
    const { clock, policy } = this.#options;
    const now = clock.monotonic();
    this.#egresses = afterRegionChoice(this.#egresses, region, now, policy);
    const key = destinationKey(organization, origin);
    const known = this.#destinations.get(key);
    if (known === undefined) return;
    this.#destinations.set(key, afterRegionChoice(known, region, now, policy));
  }

  after(organization: Id, origin: string, region: string, outcome: Outcome): void {
    const reach = reachVerdict(outcome);
    // Nearly always: no clock, no key.
    if (!this.isTroubled && reach === 'up') return;
    const { clock, policy, regions } = this.#options;
    if (!regions().includes(region)) return;
    const now = clock.monotonic();
    const egress = egressVerdict(outcome);
    this.#egresses = afterRegionCall(this.#egresses, region, egress, now, policy);
    const key = destinationKey(organization, origin);
    const known = this.#destinations.get(key) ?? {};
    const health = afterRegionCall(known, region, reach, now, policy);
    if (health === known) return;
    this.#destinations.delete(key);
    if (isEmpty(health)) return;
    this.#destinations.set(key, health);
    this.#forgetOldest();
  }

  states(): readonly RegionState[] {
    return this.#options.regions().map((name) => {
      let unreachable = 0;
      for (const health of this.#destinations.values()) {
        if (health[name]?.state === 'open') unreachable += 1;
      }
      return { name, state: stateOf(this.#egresses, name), unreachable };
    });
  }

  #forgetOldest(): void {
    const most = this.#options.mostDestinations ?? MOST_DESTINATIONS;
    if (this.#destinations.size <= most) return;
    const oldest = this.#destinations.keys().next();
    if (oldest.done === false) this.#destinations.delete(oldest.value);
  }
}

function stateOf(health: RegionHealth, region: string): RegionState['state'] {
  switch (health[region]?.state ?? 'closed') {
    case 'open':
    case 'probing':
      return 'down';
    case 'ramping':
      return 'coming_back';
    case 'closed':
      return 'up';
  }
}

function isEmpty(health: RegionHealth): boolean {
  for (const _ in health) return false;
  return true;
}
