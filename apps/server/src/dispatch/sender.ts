import type { AttemptCall } from '@ezthrottle/engine';
import type { CallStarter } from './call-starter.ts';
import type { RunningCalls } from './calls.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import { type Lane, pausedUntil, replan, takesTurns } from './lane.ts';
import type { LimitedCalls } from './limited-calls.ts';
import { type LaneStop, laneStop, tellWaiting } from './waiting-notices.ts';

export interface SenderOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'executor' | 'notices' | 'ownership'>;
  readonly calls: RunningCalls;
  readonly starter: Pick<CallStarter, 'jobOf' | 'start'>;
  readonly limited: Pick<LimitedCalls, 'offer' | 'run' | 'tell'>;
  /** Called when the pace may allow a call again. */
  readonly onTime: (lane: Lane) => void;
}

/** Sends what is armed, at the moment at which its keys allow it and not before. */
export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Sends all that may go now, and sets the timer for the next. */
  send(lane: Lane): void {
    const { limited, parts } = this.#options;
    if (parts.ownership?.mayAct() === false) return;
    if (lane.destination.contenders > 0 || takesTurns(lane)) {
      limited.offer(lane);
      limited.run();
      this.#waitFor(lane, null, null, limited.tell(lane));
    } else {
      this.#sendAtOnce(lane);
    }
  }

  /** The first byte of a call has gone out. */
  began(token: string): void {
    const { parts, calls } = this.#options;
    const call = calls.get(token);
    if (call === undefined || call.sentAt !== null) return;
    call.sentAt = parts.clock.now();
    const now = parts.clock.monotonic();
    for (const use of call.uses) use.pacer.left(use, now);
  }

  /** Looks at nothing but the destination. */
  #sendAtOnce(lane: Lane): void {
    const { parts, starter } = this.#options;
    const { pacer, origin } = lane.destination;
    const now = parts.clock.monotonic();
    const calls: AttemptCall[] = [];
    let stop: LaneStop | null = null;
    let lastMoment: number | null = null;
    while (lane.armed.length > 0 && stop === null) {
      const head = lane.armed.first;
      const job = head === undefined ? undefined : starter.jobOf(head);
      if (head === undefined || job === undefined) {
        lane.armed.shift();
        continue;
      }
      const verdict = pacer.take(now);
      if (verdict.verdict === 'wait') {
        stop = { key: origin, ...(pacer.stop(now) ?? verdict) };
        lastMoment = job.spec.executeBefore ?? null;
        continue;
      }
      lane.armed.shift();
      const call = starter.start(job, head, lane, [pacer.begun(now)]);
      if (call !== null) calls.push(call);
    }
    if (calls.length > 0) parts.executor.run(calls);
    this.#waitFor(lane, stop, lastMoment);
  }

  /** When somebody who is not armed may be; null: nobody waits, or something else tells. */
  #opensAt(lane: Lane, now: number): number | null {
    const [first] = lane.door;
    if (first !== undefined && lane.armed.length === 0) {
      return laneStop(lane, first.costOf, now)?.until ?? null;
    }
    return lane.line.isEmpty ? null : pausedUntil(lane, now);
  }

  /** @param lastMoment After it the first in line is too late, in milliseconds since the epoch. */
  #waitFor(
    lane: Lane,
    stop: LaneStop | null,
    lastMoment: number | null,
    tellAt: number | null = null,
  ): void {
    const { parts, onTime } = this.#options;
    const now = parts.clock.monotonic();
    // In a pause nothing is armed that could ask: whoever stands in line has to be looked at then.
    const opensAt = stop?.until ?? this.#opensAt(lane, now);
    const lastAt = lastMoment === null ? null : now + lastMoment - parts.clock.now();
    const until = Math.min(opensAt ?? Infinity, lastAt ?? Infinity, tellAt ?? Infinity);
    replan(lane, () => {
      if (!Number.isFinite(until)) return null;
      // It may have come already: the clock goes on while calls are handed over.
      return parts.clock.after(Math.max(0, until - now), () => {
        lane.stopTimer = null;
        onTime(lane);
      });
    });
    if (lane.limits.length === 0) tellWaiting(lane, stop, parts);
  }
}
