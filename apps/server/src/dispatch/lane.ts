import { type ArmedRef, ArmedLine, type LineRef } from '@ezthrottle/engine';
import type { Destination } from './destination.ts';
import type { NamedLimit } from './limit-keys.ts';
import type { LineWindow } from './line-window.ts';

/** A call that is armed only when it can go at once: its job is never to be sent twice, so none of it may wait armed. */
export interface AtDoor {
  readonly ref: LineRef;
  /** What it takes from a key. */
  readonly costOf: (key: string) => number;
}

/** A line of calls that count against the very same keys: a destination, and perhaps limits beside it. */
export interface Lane {
  /** As the store names it: `lineName`. */
  readonly name: string;
  readonly destination: Destination;
  /** Empty: the destination's own line, or a part of it, which are served without looking at other keys. */
  readonly limits: readonly NamedLimit[];
  readonly line: LineWindow;
  /** In the order in which they will be sent. */
  readonly armed: ArmedLine<ArmedRef>;
  /** API keys that came into line with nothing armed. */
  readonly newcomers: Set<string>;
  /** Out of line and not armed yet: while there is one, nobody behind it is taken. */
  readonly door: AtDoor[];
  /** Attempts whose arming is being committed. */
  arming: number;
  isRefilling: boolean;
  stopTimer: (() => void) | null;
  /** When watchers were told last that they wait, on the monotonic clock. */
  toldAt: number;
}

export function lane(
  name: string,
  destination: Destination,
  limits: readonly NamedLimit[],
  line: LineWindow,
): Lane {
  return {
    name,
    destination,
    limits,
    line,
    armed: new ArmedLine<ArmedRef>(),
    newcomers: new Set(),
    door: [],
    arming: 0,
    isRefilling: false,
    stopTimer: null,
    toldAt: Number.NEGATIVE_INFINITY,
  };
}

/** Its name among the lines of all organizations. */
export function fullName({
  name,
  destination,
}: {
  readonly name: string;
  readonly destination: Pick<Destination, 'organization'>;
}): string {
  return `${destination.organization} ${name}`;
}

/** Whether its calls take turns with those of other lines of its destination. */
export function takesTurns({ name, limits, destination: { origin, lanes } }: Lane): boolean {
  return limits.length > 0 || (name !== origin && lanes.size > 1);
}

/** Whether nothing would be missed if it were forgotten. */
export function isLaneIdle({ line, armed, door, arming, isRefilling }: Lane): boolean {
  return line.isEmpty && armed.length + door.length === 0 && arming === 0 && !isRefilling;
}

/** When pauses of its keys end, on the monotonic clock; null: none is paused. */
export function pausedUntil({ destination, limits }: Lane, now: number): number | null {
  let last = destination.pacer.paceAhead(now).pausedUntil ?? now;
  for (const { pacer } of limits) last = Math.max(last, pacer.paceAhead(now).pausedUntil ?? now);
  return last > now ? last : null;
}

/** Stops its timer; `plan` starts another when there is something to wait for. */
export function replan(one: Lane, plan: (() => (() => void) | null) | null = null): void {
  one.stopTimer?.();
  one.stopTimer = plan?.() ?? null;
}
