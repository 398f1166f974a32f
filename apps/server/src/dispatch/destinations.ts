import { createPace, destinationKey, KeyPacer, parseLineName } from '@ezthrottle/engine';
import type {
  CircuitPolicy,
  Clock,
  FairLineOptions,
  Id,
  PaceSettings,
  PutPaceOperation,
} from '@ezthrottle/engine';
import type { DestinationEdits } from './dispatch-ports.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import { destination, isIdle } from './destination.ts';
import type { Destination } from './destination.ts';
import { isLaneIdle, lane } from './lane.ts';
import type { Lane } from './lane.ts';
import { type LimitKeys, limitRow, placeOf } from './limit-keys.ts';
import { LineWindow } from './line-window.ts';
import type { OriginCaps } from './origin-caps.ts';
import type { PaceMemory } from './pace-memory.ts';
import type { WindowBudget } from './line-window.ts';

/** What is written down of one key. */
export type PaceRow = PutPaceOperation['rows'][number];

export interface DestinationsOptions {
  readonly clock: Clock;
  readonly settings: (origin: string, organization: Id) => PaceSettings;
  readonly limits: Pick<DispatchLimits, 'maxIdleDestinations' | 'windowPerAccount' | 'windowTotal'>;
  readonly limitKeys: LimitKeys;
  readonly caps: Pick<OriginCaps, 'of'>;
  readonly memory: PaceMemory;
  /** What a destination has taught had to be looked up, and is there. */
  readonly onRecalled: (destination: Destination) => void;
  /** Null: no destination is taken for down. */
  readonly circuit: CircuitPolicy | null;
  readonly edits?: DestinationEdits | undefined;
  readonly fairness?: FairLineOptions;
}

/** Every destination at which something happens. */
export class Destinations {
  readonly #live = new Map<string, Destination>();
  readonly #options: DestinationsOptions;
  readonly #budget: WindowBudget;

  constructor(options: DestinationsOptions) {
    const { windowPerAccount: perAccount, windowTotal: total } = options.limits;
    this.#options = options;
    this.#budget = { held: 0, perAccount, total };
  }

  get(organization: Id, origin: string): Destination {
    const key = destinationKey(organization, origin);
    const known = this.#live.get(key);
    if (known !== undefined) return known;
    const { clock, settings, circuit } = this.#options;
    const pace = createPace(settings(origin, organization), clock.monotonic());
    const pacer = new KeyPacer({ key, pace, learns: true, circuit, countsArrivals: true });
    const place = { key, organization, origin };
    const created = destination(place, pacer);
    this.#live.set(key, created);
    this.#options.memory.recall(place, pacer, () => {
      pacer.heldUntil = this.#heldUntil(created);
      this.#options.onRecalled(created);
    });
    pacer.heldUntil = this.#heldUntil(created);
    return created;
  }

  /** The line of this name (`lineName`). */
  lane(organization: Id, name: string): Lane {
    const end = name.indexOf(' ');
    const home = this.get(organization, end === -1 ? name : name.slice(0, end));
    const known = home.lanes.get(name);
    if (known !== undefined) return known;
    const { limits } = parseLineName(name);
    const { caps, limitKeys } = this.#options;
    const own = limits.map((limit) => limitKeys.get(organization, limit));
    const cap = caps.of(home.origin);
    const named = cap === null ? own : [...own, cap];
    const created = lane(name, home, named, new LineWindow(this.#budget, this.#options.fairness));
    for (const limit of named) limit.lanes.add(created);
    home.lanes.set(name, created);
    return created;
  }

  /** The line of calls that count against nothing but their destination. */
  ownLane({ organization, origin }: Destination): Lane {
    return this.lane(organization, origin);
  }

  /** The line of this name; null: nothing stands in it. */
  findLane(organization: Id, name: string): Lane | null {
    return this.find(organization, parseLineName(name).origin)?.lanes.get(name) ?? null;
  }

  /** Null: nothing is going on there. */
  find(organization: Id, origin: string): Destination | null {
    return this.#live.get(destinationKey(organization, origin)) ?? null;
  }

  findByKey(key: string): Destination | undefined {
    return this.#live.get(key);
  }

  /** Its settings have changed, or its pause by hand: they hold from now on, what is owed stays owed. */
  resettle(organization: Id, origin: string): Destination | null {
    const live = this.find(organization, origin);
    if (live === null) return null;
    const { clock, settings } = this.#options;
    const heldUntil = this.#heldUntil(live);
    live.pacer.resettle(settings(origin, organization), true, heldUntil, clock.monotonic());
    return live;
  }

  values(): Iterable<Destination> {
    return this.#live.values();
  }

  *lanes(): Iterable<Lane> {
    for (const { lanes } of this.#live.values()) yield* lanes.values();
  }

  /** What was written down before a start. */
  restore(rows: readonly PaceRow[]): void {
    for (const row of rows) {
      if (this.#options.limitKeys.restore(row)) continue;
      this.#options.memory.put(destinationKey(row.organization, row.origin), row.data);
    }
  }

  /** What has changed since the last call, to be written down. Forgets destinations long idle. */
  takeChanged(): readonly PaceRow[] {
    const { clock, limits, limitKeys, memory } = this.#options;
    const moment = { now: clock.monotonic(), wallNow: clock.now() };
    const rows: PaceRow[] = [...limitKeys.takeChanged()];
    let surplus = this.#live.size - limits.maxIdleDestinations;
    for (const live of this.#live.values()) {
      forgetIdleLanes(live);
      // What it has taught would be written over by what it has not heard yet.
      if (memory.isReading(live.key)) continue;
      const isSurplus = surplus > 0 && isIdle(live);
      const { organization, origin, key, pacer } = live;
      if (!pacer.isChanged && !isSurplus) continue;
      const data = pacer.save(moment);
      if (pacer.isChanged) rows.push({ organization, origin, data });
      pacer.isChanged = false;
      if (!isSurplus) continue;
      for (const one of live.lanes.values()) one.stopTimer?.();
      this.#live.delete(key);
      memory.put(key, data);
      surplus -= 1;
    }
    return rows;
  }

  /** Where the store has keys that were idle since then and are forgotten by this; it looks at `limit` of them. */
  takeIdle(since: number, limit: number): readonly Omit<PaceRow, 'data'>[] {
    return this.#options.memory.takeIdle(since, limit).flatMap((key) => {
      const [kind = '', organization = '', ...name] = key.split(' ');
      if (kind === 'limit') return [{ organization, origin: limitRow(name.join(' ')) }];
      return kind === 'destination' ? [{ organization, origin: name.join(' ') }] : [];
    });
  }

  /** The rows of these keys, to be written down now. Keys that the store does not know are left out. */
  takeRows(keys: Iterable<string>): readonly PaceRow[] {
    const { clock, limitKeys } = this.#options;
    const moment = { now: clock.monotonic(), wallNow: clock.now() };
    const rows: PaceRow[] = [];
    for (const key of keys) {
      const named = limitKeys.find(key);
      const live = named === undefined ? this.#live.get(key) : placeOf(named);
      if (live === undefined || this.#options.memory.isReading(key)) continue;
      const { organization, origin, pacer } = live;
      rows.push({ organization, origin, data: pacer.save(moment) });
      pacer.isChanged = false;
    }
    return rows;
  }

  /** Forgets destinations, and gives what they have taught, to be written down. */
  forget(
    isGone: (place: Pick<Destination, 'organization' | 'origin'>) => boolean,
  ): readonly PaceRow[] {
    const { clock, memory } = this.#options;
    const moment = { now: clock.monotonic(), wallNow: clock.now() };
    const rows: PaceRow[] = [];
    for (const live of this.#live.values()) {
      if (!isGone(live)) continue;
      const { organization, origin, key, pacer } = live;
      if (!memory.isReading(key)) rows.push({ organization, origin, data: pacer.save(moment) });
      for (const one of live.lanes.values()) {
        one.stopTimer?.();
        for (const limit of one.limits) limit.lanes.delete(one);
      }
      this.#live.delete(key);
    }
    memory.forget((key) => {
      const [kind, organization = '', origin = ''] = key.split(' ');
      return kind === 'destination' && isGone({ organization, origin });
    });
    return rows;
  }

  #heldUntil({ key, organization, origin }: Destination): number | null {
    const { clock, edits, memory } = this.#options;
    if (memory.isReading(key)) return Number.POSITIVE_INFINITY;
    const until = edits?.pausedUntil(organization, origin) ?? null;
    return until === null ? null : clock.monotonic() + until - clock.now();
  }
}

/** Lines with limits come and go with their jobs. */
function forgetIdleLanes({ lanes }: Destination): void {
  for (const one of lanes.values()) {
    if (one.limits.length === 0 || !isLaneIdle(one)) continue;
    one.stopTimer?.();
    lanes.delete(one.name);
    for (const limit of one.limits) limit.lanes.delete(one);
  }
}
