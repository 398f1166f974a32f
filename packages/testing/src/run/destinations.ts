import { ARM_AHEAD_MS, armedBound, createPace, FairLine, parseLineName } from '@ezthrottle/engine';
import type { ArmedRef, Id, LineRef, PaceState } from '@ezthrottle/engine';
import type { RunParts } from './rules.ts';

/** What is paced: the calls of one organization to one origin. */
export interface Destination {
  readonly key: string;
  pace: PaceState;
  readonly line: FairLine<LineRef>;
  armed: ArmedRef[];
  /** Claimed for attempts that are being written. */
  arming: number;
  stopTimer: (() => void) | null;
}

/** Every destination at which something has happened. */
export class Destinations {
  readonly #all = new Map<string, Destination>();
  readonly #parts: Pick<RunParts, 'clock' | 'settings'>;

  constructor(parts: Pick<RunParts, 'clock' | 'settings'>) {
    this.#parts = parts;
  }

  get(organization: Id, name: string): Destination {
    const { origin } = parseLineName(name);
    const key = `${organization} ${origin}`;
    const known = this.#all.get(key);
    if (known !== undefined) return known;
    const pace = createPace(this.#parts.settings(origin), this.#parts.clock.monotonic());
    const line = new FairLine<LineRef>();
    const created = { key, pace, line, armed: [], arming: 0, stopTimer: null };
    this.#all.set(key, created);
    return created;
  }

  /** How many more attempts may be armed now. */
  room({ pace, armed, arming }: Destination): number {
    const bound = armedBound(pace, ARM_AHEAD_MS, this.#parts.clock.monotonic());
    return Math.max(0, bound - armed.length - arming);
  }
}
