import { ArrivalLog } from '@ezthrottle/engine';
import type { ArmedRef, Id, PaceState } from '@ezthrottle/engine';
import type { LineWindow } from './line-window.ts';

/** What is paced: the calls of one organization to one origin. */
export interface Destination {
  readonly key: string;
  readonly organization: Id;
  readonly origin: string;
  pace: PaceState;
  /** Stopped by hand until then, on the monotonic clock; null: not. */
  heldUntil: number | null;
  /** When its latest calls have arrived, for targets that count strictly. */
  readonly arrivals: ArrivalLog;
  /** Whether `pace` holds something that is not written down yet. */
  isPaceChanged: boolean;
  readonly line: LineWindow;
  /** In the order in which they will be sent. */
  armed: ArmedRef[];
  /** Attempts whose arming is being committed. */
  arming: number;
  /** Calls handed to the executor whose first byte has not gone out. */
  unsent: number;
  stopTimer: (() => void) | null;
  isRefilling: boolean;
  /** When watchers were told last that they wait, on the monotonic clock. */
  toldAt: number;
}

export function destination(
  place: { readonly key: string; readonly organization: Id; readonly origin: string },
  line: LineWindow,
  pace: PaceState,
): Destination {
  return {
    ...place,
    line,
    pace,
    heldUntil: null,
    armed: [],
    arrivals: new ArrivalLog(),
    arming: 0,
    unsent: 0,
    isPaceChanged: false,
    stopTimer: null,
    isRefilling: false,
    toldAt: Number.NEGATIVE_INFINITY,
  };
}

/** Whether nothing would be missed if it were forgotten, but for its pace. */
export function isIdle({ line, armed, arming, pace, isRefilling }: Destination): boolean {
  return line.isEmpty && armed.length === 0 && arming === 0 && pace.inFlight === 0 && !isRefilling;
}

/** The pace with a pause by hand on top of what answers have asked for. */
export function pacedNow({ pace, heldUntil }: Pick<Destination, 'pace' | 'heldUntil'>): PaceState {
  if (heldUntil === null) return pace;
  return { ...pace, pausedUntil: Math.max(heldUntil, pace.pausedUntil ?? heldUntil) };
}
