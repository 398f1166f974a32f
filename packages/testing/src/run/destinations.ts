import { destinationLimit, type LimitKey, parseLimitKey } from '@ezthrottle/core/protocol';
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
  type KeyPacerOptions,
  limitKey,
  limitSettings,
  type LimitState,
  type PaceSettings,
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
  source: CostSource | null;
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

  /** A limit has changed: its settings hold from now on. The key that it paces; null: nothing is going on. */
  resettle(organization: Id, limit: LimitKey): string | null {
    const known = this.#keys.get(paceKey(organization, limit));
    if (known === undefined) return null;
    const { pace, learns, heldUntil, source } = this.#settingsOf(limit);
    known.pacer.resettle(pace, learns, heldUntil, this.#parts.clock.monotonic());
    known.source = source;
    return known.key;
  }

  /** Where a limit stands; null: nothing is going on there. */
  stateOf(organization: Id, limit: LimitKey): LimitState | null {
    const known = this.#keys.get(paceKey(organization, limit));
    if (known === undefined) return null;
    const lanes = this.lanesOf([known.key]);
    const waiting = lanes.reduce((sum, { line, armed }) => sum + line.size + armed.length, 0);
    const { pace, circuit } = known.pacer;
    return { pace, circuit, waiting };
  }

  #destination(organization: Id, origin: string): LaneKey {
    const key = destinationKey(organization, origin);
    return this.#known(key, () => {
      const limit = { kind: 'destination', key: destinationLimit(origin), origin } as const;
      const options = { key, circuit: DEFAULT_CIRCUIT, countsArrivals: true };
      return { key, name: null, ...this.#pacer(options, limit) };
    });
  }

  #limit(organization: Id, name: string): LaneKey {
    const key = limitKey(organization, name);
    return this.#known(key, () => {
      const limit = parseLimitKey(name) ?? { kind: 'custom', key: name };
      const options = { key, circuit: null, countsArrivals: false };
      return { key, name, ...this.#pacer(options, limit) };
    });
  }

  #pacer(
    options: Pick<KeyPacerOptions, 'key' | 'circuit' | 'countsArrivals'>,
    limit: LimitKey,
  ): Pick<LaneKey, 'pacer' | 'source'> {
    const { pace: settings, learns, heldUntil, source } = this.#settingsOf(limit);
    const pace = createPace(settings, this.#parts.clock.monotonic());
    const pacer = new KeyPacer({ ...options, pace, learns });
    pacer.heldUntil = heldUntil;
    return { pacer, source };
  }

  /** One that does not exist holds nobody back; a destination without one has the pace of the options. */
  #settingsOf(limit: LimitKey): {
    readonly pace: PaceSettings;
    readonly learns: boolean;
    readonly heldUntil: number | null;
    readonly source: CostSource | null;
  } {
    const { limits, clock, settings } = this.#parts;
    const said = limits.get(limit.key) ?? limitSettings('custom', {});
    const isOwn = limit.kind === 'destination' && !limits.has(limit.key);
    const { settleHeader, settlePath, pausedUntil } = said;
    const source = {
      ...(settleHeader !== undefined && { settleHeader }),
      ...(settlePath !== undefined && { settlePath }),
    };
    return {
      pace: isOwn ? settings(limit.origin) : said.pace,
      learns: limit.kind === 'destination' || said.adaptive,
      heldUntil: pausedUntil === null ? null : clock.monotonic() + pausedUntil - clock.now(),
      source: Object.keys(source).length > 0 ? source : null,
    };
  }

  #known(key: string, create: () => LaneKey): LaneKey {
    const known = this.#keys.get(key) ?? create();
    this.#keys.set(key, known);
    return known;
  }
}

function paceKey(organization: Id, limit: LimitKey): string {
  return limit.kind === 'destination'
    ? destinationKey(organization, limit.origin)
    : limitKey(organization, limit.key);
}
