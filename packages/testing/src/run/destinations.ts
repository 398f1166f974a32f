import {
  ARM_AHEAD_MS,
  armedBound,
  CallRecord,
  createPace,
  DEFAULT_CIRCUIT,
  destinationKey,
  FairLine,
  type Hedging,
  KeyPacer,
  limitKey,
  limitSettings,
  parseLineName,
} from '@ezthrottle/engine';
import type { ArmedRef, CostSource, Id, LineRef } from '@ezthrottle/engine';
import type { RunParts } from './rules.ts';

/** One key that calls of a line count against. */
export interface LaneKey {
  readonly key: string;
  /** Of a limit; null: the destination. */
  readonly name: string | null;
  readonly pacer: KeyPacer;
  /** Where answers tell what calls have cost, unless the job says it; null: nowhere. */
  readonly source: CostSource | null;
}

/** A line of calls that count against the very same keys, the destination first. */
export interface Lane {
  readonly organization: Id;
  readonly origin: string;
  readonly keys: readonly LaneKey[];
  readonly line: FairLine<LineRef>;
  armed: ArmedRef[];
  /** Claimed for attempts that are being written. */
  arming: number;
  stopTimer: (() => void) | null;
}

/** Every line in which something has happened, and the keys that pace them. */
export class Destinations {
  readonly #lanes = new Map<string, Lane>();
  readonly #keys = new Map<string, LaneKey>();
  readonly #records = new Map<string, CallRecord>();
  readonly #parts: Pick<RunParts, 'clock' | 'settings' | 'limits'>;

  constructor(parts: Pick<RunParts, 'clock' | 'settings' | 'limits'>) {
    this.#parts = parts;
  }

  /** The line of this name (`lineName`). */
  lane(organization: Id, name: string): Lane {
    const id = `${organization} ${name}`;
    const known = this.#lanes.get(id);
    if (known !== undefined) return known;
    const { origin, limits } = parseLineName(name);
    const keys = [
      this.#destination(organization, origin),
      ...limits.map((limit) => this.#limit(organization, limit)),
    ];
    const line = new FairLine<LineRef>();
    const created = { organization, origin, keys, line, armed: [], arming: 0, stopTimer: null };
    this.#lanes.set(id, created);
    return created;
  }

  /** Lines of which calls count against one of these keys. */
  lanesOf(keys: readonly string[]): readonly Lane[] {
    return [...this.#lanes.values()].filter((lane) =>
      lane.keys.some(({ key }) => keys.includes(key)),
    );
  }

  pacer(key: string): KeyPacer {
    const known = this.#keys.get(key);
    if (known === undefined) throw new Error(`nothing is known of the key ${key}`);
    return known.pacer;
  }

  /** How many more attempts may be armed now. */
  room({ keys, armed, arming }: Lane): number {
    const now = this.#parts.clock.monotonic();
    const bounds = keys.map(({ pacer }) => armedBound(pacer.paceAhead(now), ARM_AHEAD_MS, now));
    return Math.max(0, Math.min(...bounds) - armed.length - arming);
  }

  /** Calls to an origin so far. */
  record(organization: Id, origin: string): CallRecord {
    const key = destinationKey(organization, origin);
    const record = this.#records.get(key) ?? new CallRecord();
    this.#records.set(key, record);
    return record;
  }

  hedging(organization: Id): Hedging {
    return {
      latencyMs: (origin, percentile) => this.record(organization, origin).percentile(percentile),
      allows: (origin, percent) => this.record(organization, origin).allows(percent),
    };
  }

  #destination(organization: Id, origin: string): LaneKey {
    const key = destinationKey(organization, origin);
    const { settings, clock } = this.#parts;
    return this.#known(key, () => {
      const pace = createPace(settings(origin), clock.monotonic());
      const options = { key, pace, learns: true, circuit: DEFAULT_CIRCUIT, countsArrivals: true };
      return { key, name: null, pacer: new KeyPacer(options), source: null };
    });
  }

  #limit(organization: Id, name: string): LaneKey {
    const key = limitKey(organization, name);
    const { limits, clock } = this.#parts;
    return this.#known(key, () => {
      const settings = limits.get(name) ?? limitSettings('custom', {});
      const { settleHeader, settlePath, adaptive, pausedUntil } = settings;
      const pace = createPace(settings.pace, clock.monotonic());
      const options = { key, pace, learns: adaptive, circuit: null, countsArrivals: false };
      const pacer = new KeyPacer(options);
      if (pausedUntil !== null) pacer.heldUntil = clock.monotonic() + pausedUntil - clock.now();
      const source = {
        ...(settleHeader !== undefined && { settleHeader }),
        ...(settlePath !== undefined && { settlePath }),
      };
      return { key, name, pacer, source: Object.keys(source).length > 0 ? source : null };
    });
  }

  #known(key: string, create: () => LaneKey): LaneKey {
    const known = this.#keys.get(key) ?? create();
    this.#keys.set(key, known);
    return known;
  }
}
