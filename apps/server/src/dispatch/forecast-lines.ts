import { lineRef, parseLineName } from '@ezthrottle/engine';
import type {
  ForecastJoin,
  ForecastLane,
  ForecastStart,
  KeyDivision,
  KeyPacer,
  StandingPart,
  WorkRow,
} from '@ezthrottle/engine';
import type { ForecastKey, ForecastQuestion } from './forecast-question.ts';
import { fullName, type Lane } from './lane.ts';

/** Lines that are looked at together. */
const MOST_LANES = 256;
/** Calls that come into line later, of those known already, over all lines. */
export const MOST_DELAYED = 2_000;

/** This line and all that share a key with it, directly or by others. */
export function lanesBeside(asked: Lane): {
  readonly lanes: readonly Lane[];
  readonly isWhole: boolean;
} {
  const found = new Set([asked]);
  for (const { destination, limits } of found) {
    for (const others of [destination.lanes.values(), ...limits.map(({ lanes }) => lanes)]) {
      for (const lane of others) {
        if (found.size >= MOST_LANES && !found.has(lane))
          return { lanes: [...found], isWhole: false };
        found.add(lane);
      }
    }
  }
  return { lanes: [...found], isWhole: true };
}

/** Lines in which nobody may stand yet, and that share a key with this one, directly or by others. */
export function linesBeside(asked: Lane, delayed: readonly WorkRow[]): readonly string[] {
  const { organization } = asked.destination;
  const known = new Set(
    lanesBeside(asked).lanes.flatMap(({ destination, limits }) => [
      destination.origin,
      ...limits.map(({ name }) => name),
    ]),
  );
  const open = new Map<string, readonly string[]>();
  for (const row of delayed) {
    if (row.organization !== organization || open.has(row.origin)) continue;
    const { origin, limits } = parseLineName(row.origin);
    open.set(row.origin, [origin, ...limits]);
  }
  const found: string[] = [];
  for (let before = -1; before < found.length && found.length < MOST_LANES; ) {
    before = found.length;
    for (const [line, keys] of open) {
      if (!keys.some((key) => known.has(key))) continue;
      for (const key of keys) known.add(key);
      open.delete(line);
      found.push(line);
    }
  }
  return found;
}

export function joinsOf(
  rows: readonly WorkRow[],
  lines: readonly ForecastLane[],
  asked: string,
  /** The wall clock counts whole milliseconds: a moment that it names may be so much nearer. */
  toMonotonic: number,
): readonly ForecastJoin[] {
  return rows.flatMap((row) => {
    const entry = lineRef(row);
    // It may have come into line while the rest was read.
    if (entry.id === asked || lines.some((line) => isIn(line, entry.id))) return [];
    return [{ at: row.readyAt + toMonotonic, lane: fullLine(row), entry }];
  });
}

export function isIn({ armed, line }: ForecastLane, id: string): boolean {
  return line.has(id) || [...armed].some((entry) => entry.id === id);
}

export function fullLine({ organization, origin }: WorkRow): string {
  return fullName({ name: origin, destination: { organization } });
}

/** Whether more may come into line before this moment than was looked at. */
export function isBeyond(delayed: readonly WorkRow[], at: number): boolean {
  return delayed.length >= MOST_DELAYED && (delayed.at(-1)?.readyAt ?? 0) < at;
}

/** A key that the calls of a line count against. */
export interface LaneKey extends Pick<ForecastKey, 'name' | 'pacer' | 'isOperators'> {
  /** What of it this node may spend; null: it shares with nobody. */
  readonly allotment: { division(): KeyDivision | null } | null;
}

export function keysOf({ destination, limits }: Lane): readonly LaneKey[] {
  const { pacer, allotment } = destination;
  const own = { name: null, pacer, allotment, isOperators: false };
  return [
    own,
    ...limits.map(({ name, pacer, allotment, organization }) => ({
      name,
      pacer,
      allotment,
      isOperators: organization === '',
    })),
  ];
}

export function isOf({ destination }: Lane, { organization }: ForecastQuestion): boolean {
  return destination.organization === organization;
}

export function forkPacers(lanes: readonly Lane[]): ReadonlyMap<string, KeyPacer> {
  const pacers = new Map<string, KeyPacer>();
  for (const lane of lanes) {
    for (const { pacer } of keysOf(lane)) {
      if (!pacers.has(pacer.key)) pacers.set(pacer.key, pacer.fork());
    }
  }
  return pacers;
}

export function sharedKeys(lane: Lane, asked: Lane): ReadonlySet<string> {
  const own = new Set(keysOf(asked).map(({ pacer }) => pacer.key));
  return new Set(keysOf(lane).flatMap(({ pacer }) => (own.has(pacer.key) ? [pacer.key] : [])));
}

/** In which part of its destination this line is, and how many of these calls are in the same. */
export function standingOf(
  asked: Lane,
  lanes: readonly Lane[],
  ahead: readonly Pick<ForecastStart, 'lane'>[],
): StandingPart {
  const part = partOf(asked);
  const same = new Set(
    lanes
      .filter((lane) => lane.destination === asked.destination && partOf(lane) === part)
      .map(fullName),
  );
  return { part, ahead: ahead.filter(({ lane }) => same.has(lane)).length };
}

function partOf({ name }: Lane): number {
  return parseLineName(name).part ?? 0;
}
