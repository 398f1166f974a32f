import {
  createPace,
  KeyPacer,
  limitKey,
  limitSettings,
  slotOfLimit,
  spendBurst,
} from '@ezthrottle/engine';
import type { Clock, CostSource, Id, LimitSettings, PutPaceOperation } from '@ezthrottle/engine';
import type { SharedLimits } from '../cluster/shares/shared-limits.ts';
import type { NamedLimits } from './dispatch-ports.ts';
import type { Lane } from './lane.ts';
import { LimitAllotment } from './limit-allotment.ts';
import type { PaceMemory } from './pace-memory.ts';

type PaceRow = PutPaceOperation['rows'][number];

/** A limit of an organization that calls count against beside their destination. */
export interface NamedLimit {
  readonly key: string;
  readonly organization: Id;
  readonly name: string;
  readonly pacer: KeyPacer;
  /** Lines whose calls count against it. */
  readonly lanes: Set<Lane>;
  /** Where answers tell what calls have cost, unless the job says it; null: nowhere. */
  source: CostSource | null;
  /** Whether there is such a limit: one that is gone holds nobody back. */
  isKnown: boolean;
  /** What of it this node may spend; null: it shares with nobody. */
  readonly allotment: LimitAllotment | null;
}

/** Rows of the store that are a limit's and not an origin's: no origin begins like this. */
const ROW_PREFIX = 'limit ';

/** Name of the row in which the store has a limit. */
export function limitRow(name: string): string {
  return ROW_PREFIX + name;
}

export interface LimitKeysOptions {
  readonly clock: Clock;
  /** Absent: there are none. */
  readonly rules: NamedLimits | undefined;
  readonly memory: PaceMemory;
  /** Absent: no other node spends any of them. */
  readonly shares: SharedLimits | undefined;
  /** Limits that stay in memory while nothing counts against them. */
  readonly maxIdle: number;
  /** What a limit has taught had to be looked up, and is there. */
  readonly onRecalled: (limit: NamedLimit) => void;
  /** This node may spend more or less of it. */
  readonly onAllotted: (limit: NamedLimit) => void;
}

/** Limits that calls name: those that something waits for or was charged to since the start. */
export class LimitKeys {
  readonly #live = new Map<string, NamedLimit>();
  readonly #options: LimitKeysOptions;

  constructor(options: LimitKeysOptions) {
    this.#options = options;
  }

  /** Limits in memory, idle ones too. */
  get size(): number {
    return this.#live.size;
  }

  /** One that does not exist (any more) holds nobody back. */
  get(organization: Id, name: string): NamedLimit {
    const key = limitKey(organization, name);
    const known = this.#live.get(key);
    if (known !== undefined) return known;
    const settings = this.#settings(organization, name);
    const { clock, memory, onRecalled, onAllotted, shares } = this.#options;
    const pacer = new KeyPacer({
      key,
      pace: createPace(settings.pace, clock.monotonic()),
      learns: settings.adaptive,
      circuit: null,
      countsArrivals: false,
    });
    const source = sourceOf(settings);
    const isKnown = this.#isKnown(organization, name);
    const lanes = new Set<Lane>();
    const allotment =
      shares === undefined
        ? null
        : new LimitAllotment({
            key,
            slot: slotOfLimit(organization, name),
            pacer,
            lanes,
            clock,
            shares,
            settings: () => this.#settings(organization, name).pace,
            onChanged: () => onAllotted(created),
          });
    const created: NamedLimit = {
      key,
      organization,
      name,
      pacer,
      lanes,
      source,
      isKnown,
      allotment,
    };
    this.#live.set(key, created);
    const place = { key, organization, origin: ROW_PREFIX + name };
    const recalled = (): void => {
      pacer.heldUntil = this.#heldUntil(key, this.#settings(organization, name));
      if (created.isKnown) allotment?.recalled();
      onRecalled(created);
    };
    memory.recall(place, pacer, recalled, allotment !== null);
    pacer.heldUntil = this.#heldUntil(key, settings);
    return created;
  }

  find(key: string): NamedLimit | undefined {
    return this.#live.get(key);
  }

  /** Its settings have changed: they hold from now on. Null: nothing is going on there. */
  resettle(organization: Id, name: string): NamedLimit | null {
    const limit = this.#live.get(limitKey(organization, name));
    if (limit === undefined) return null;
    const settings = this.#settings(organization, name);
    const now = this.#options.clock.monotonic();
    const heldUntil = this.#heldUntil(limit.key, settings);
    const isKnown = this.#isKnown(organization, name);
    const share = limit.allotment?.resettled(isKnown) ?? null;
    limit.pacer.resettle(settings.pace, settings.adaptive, heldUntil, now, share);
    // What was spent under it is not given back by taking it away and putting it again.
    if (isKnown && !limit.isKnown) limit.pacer.pace = spendBurst(limit.pacer.pace, now);
    limit.isKnown = isKnown;
    limit.source = sourceOf(settings);
    return limit;
  }

  /** Takes up what was written down of a limit; false: the row is none's. */
  restore({ organization, origin, data }: PaceRow): boolean {
    if (!origin.startsWith(ROW_PREFIX)) return false;
    this.#options.memory.put(limitKey(organization, origin.slice(ROW_PREFIX.length)), data);
    return true;
  }

  /** What has changed since the last call, to be written down. Forgets limits that nothing waits for. */
  takeChanged(): readonly PaceRow[] {
    const { clock, memory, maxIdle } = this.#options;
    const moment = { now: clock.monotonic(), wallNow: clock.now() };
    const rows: PaceRow[] = [];
    let surplus = this.#live.size - maxIdle;
    for (const limit of this.#live.values()) {
      const { key, organization, name, pacer } = limit;
      if (memory.isReading(key)) continue;
      const isSurplus = surplus > 0 && isIdle(limit);
      if (!pacer.isChanged && !isSurplus) continue;
      const data = pacer.save(moment);
      if (pacer.isChanged) rows.push({ organization, origin: ROW_PREFIX + name, data });
      pacer.isChanged = false;
      if (!isSurplus) continue;
      limit.allotment?.end();
      this.#live.delete(key);
      memory.put(key, data);
      surplus -= 1;
    }
    return rows;
  }

  #isKnown(organization: Id, name: string): boolean {
    const settings = this.#options.rules?.settingsOf(organization, name) ?? null;
    return settings !== null;
  }

  #settings(organization: Id, name: string): LimitSettings {
    return this.#options.rules?.settingsOf(organization, name) ?? limitSettings('custom', {});
  }

  #heldUntil(key: string, { pausedUntil }: LimitSettings): number | null {
    const { clock, memory } = this.#options;
    if (memory.isReading(key)) return Number.POSITIVE_INFINITY;
    if (pausedUntil === null) return null;
    return clock.monotonic() + pausedUntil - clock.now();
  }
}

/** Where the store has it, with what is to be written there. */
export function placeOf(
  limit: NamedLimit,
): Pick<NamedLimit, 'organization' | 'pacer'> & { readonly origin: string } {
  const { organization, name, pacer } = limit;
  return { organization, origin: ROW_PREFIX + name, pacer };
}

/** Whether nothing would be missed if it were forgotten, but for its pace. */
function isIdle({ lanes, pacer }: NamedLimit): boolean {
  return lanes.size === 0 && pacer.pace.inFlight === 0;
}

function sourceOf({ settleHeader, settlePath }: LimitSettings): CostSource | null {
  if (settleHeader !== undefined) return { settleHeader };
  return settlePath === undefined ? null : { settlePath };
}
