import { createPace, destinationKey, KeyPacer, parseLineName, slotOf } from '@ezthrottle/engine';
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
import { DestinationAllotment, type DestinationAllotmentOptions } from './destination-allotment.ts';
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
  /** Absent: nobody else ever calls any of them. */
  readonly division?: DestinationDivision | undefined;
}

/** What a node has to know of destinations that others may call as well. */
export interface DestinationDivision
  extends Pick<DestinationAllotmentOptions, 'shares' | 'divided' | 'ownership'> {
  /** A node may spend more or less of it. */
  readonly onAllotted: (destination: Destination) => void;
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
    const created = destination(place, pacer, (lanes) =>
      this.#allotment({ ...place, pacer, lanes }, () => created),
    );
    this.#live.set(key, created);
    const { allotment } = created;
    const recalled = (): void => {
      pacer.heldUntil = this.#heldUntil(created);
      allotment?.renew();
      this.#options.onRecalled(created);
    };
    // Whoever is not at home has not heard what it has taught there.
    this.#options.memory.recall(place, pacer, recalled, allotment?.isHome === false);
    pacer.heldUntil = this.#heldUntil(created);
    if (!this.#options.memory.isReading(key)) allotment?.renew();
    return created;
  }

  /** The line of this name (`lineName`). */
  lane(organization: Id, name: string): Lane {
    const end = name.search(/[ #]/);
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
    const share = live.allotment?.resettled() ?? null;
    const base = share === null ? settings(origin, organization) : live.allotment?.whole();
    if (base !== undefined) live.pacer.resettle(base, true, heldUntil, clock.monotonic(), share);
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
      const isGuest = live.allotment?.isGuest === true;
      if (pacer.isChanged && !isGuest) rows.push({ organization, origin, data });
      pacer.isChanged = false;
      if (!isSurplus) continue;
      for (const one of live.lanes.values()) one.stopTimer?.();
      live.allotment?.close();
      this.#live.delete(key);
      if (!isGuest) memory.put(key, data);
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
      const destination = this.#live.get(key);
      const live = named === undefined ? destination : placeOf(named);
      if (live === undefined || this.#options.memory.isReading(key)) continue;
      if (destination?.allotment?.isGuest === true) continue;
      const { organization, origin, pacer } = live;
      rows.push({ organization, origin, data: pacer.save(moment) });
      pacer.isChanged = false;
    }
    return rows;
  }

  /**
   * Forgets lines, and destinations of which nothing is left here. Gives what those have taught that were at home
   * here, to be written down.
   */
  forget(isGone: (organization: Id, line: string) => boolean): readonly PaceRow[] {
    const { clock, memory } = this.#options;
    const moment = { now: clock.monotonic(), wallNow: clock.now() };
    const rows: PaceRow[] = [];
    for (const live of this.#live.values()) {
      const { organization, origin, key, pacer, lanes, allotment } = live;
      const isHomeGone = isGone(organization, origin);
      if (isHomeGone && !memory.isReading(key)) {
        rows.push({ organization, origin, data: pacer.save(moment) });
      }
      let isSomeGone = isHomeGone;
      for (const one of lanes.values()) {
        if (!isGone(organization, one.name)) continue;
        isSomeGone = true;
        removeLane(one);
      }
      // What has parts of it still goes on calling it.
      if (!isSomeGone || lanes.size > 0 || (allotment?.isHome === true && !isHomeGone)) continue;
      allotment?.close();
      this.#live.delete(key);
    }
    memory.forget((key) => {
      const [kind, organization = '', origin = ''] = key.split(' ');
      return kind === 'destination' && isGone(organization, origin);
    });
    return rows;
  }

  #allotment(
    live: Pick<Destination, 'key' | 'organization' | 'origin' | 'pacer' | 'lanes'>,
    itself: () => Destination,
  ): DestinationAllotment | null {
    const { clock, division, settings } = this.#options;
    if (division === undefined) return null;
    const { shares, divided, ownership, onAllotted } = division;
    const { key, organization, origin, pacer, lanes } = live;
    return new DestinationAllotment({
      key,
      slot: slotOf(organization, origin),
      pacer,
      lanes,
      clock,
      shares,
      divided,
      ownership,
      settings: () => settings(origin, organization),
      onChanged: () => onAllotted(itself()),
    });
  }

  #heldUntil({ key, organization, origin }: Destination): number | null {
    const { clock, edits, memory } = this.#options;
    if (memory.isReading(key)) return Number.POSITIVE_INFINITY;
    const until = edits?.pausedUntil(organization, origin) ?? null;
    return until === null ? null : clock.monotonic() + until - clock.now();
  }
}

/** Lines with limits, and parts, come and go with their jobs. */
function forgetIdleLanes({ lanes, origin }: Destination): void {
  for (const one of lanes.values()) {
    // The destination's own stays, unless it would have to take turns with parts.
    const isAlone = one.name === origin && one.destination.allotment?.isShared !== true;
    if (!isAlone && isLaneIdle(one)) removeLane(one);
  }
}

function removeLane(one: Lane): void {
  one.stopTimer?.();
  one.destination.lanes.delete(one.name);
  for (const limit of one.limits) limit.lanes.delete(one);
}
