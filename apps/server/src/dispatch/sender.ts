import { admit, attemptCall, chargeSent, legOf } from '@ezthrottle/engine';
import type { Admission, ArmedRef, AttemptCall } from '@ezthrottle/engine';
import type { ActiveJob, ActiveJobs } from './active-jobs.ts';
import type { RunningCalls } from './calls.ts';
import { type Destination, pacedNow } from './destination.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { JobMover } from './job-mover.ts';
import { tellWaiting } from './waiting-notices.ts';

type Wait = Extract<Admission, { readonly verdict: 'wait' }>;

export interface SenderOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'executor' | 'notices'>;
  readonly maxResponseBytes: number;
  readonly active: ActiveJobs;
  readonly calls: RunningCalls;
  readonly mover: JobMover;
  /** Called when the pace may allow a call again. */
  readonly onTime: (destination: Destination) => void;
}

/** Sends what is armed, at the moment at which its destination's pace allows it and not before. */
export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Sends all that may go now, and sets the timer for the next. */
  send(destination: Destination): void {
    const { parts } = this.#options;
    destination.stopTimer?.();
    destination.stopTimer = null;
    const now = parts.clock.monotonic();
    const calls: AttemptCall[] = [];
    let wait: Wait | null = null;
    while (destination.armed.length > 0 && wait === null) {
      const [head] = destination.armed;
      const job = head === undefined ? undefined : this.#jobOf(head);
      if (head === undefined || job === undefined) {
        destination.armed.shift();
        continue;
      }
      const verdict = mayGo(destination, now);
      if (verdict.verdict === 'wait') {
        wait = verdict;
        continue;
      }
      destination.armed.shift();
      destination.pace = verdict.states[0]?.state ?? destination.pace;
      destination.isPaceChanged = true;
      const call = this.#call(job, head, destination, now);
      if (call !== null) calls.push(call);
    }
    if (calls.length > 0) parts.executor.run(calls);
    this.#waitFor(destination, wait, now);
  }

  /** The first byte of a call has gone out. */
  began(token: string): void {
    const { parts, calls } = this.#options;
    const call = calls.get(token);
    if (call === undefined || call.sentAt !== null) return;
    const { destination } = call;
    call.sentAt = parts.clock.now();
    destination.unsent -= 1;
    const now = parts.clock.monotonic();
    destination.arrivals.left(call.arrival, now);
    destination.pace = chargeSent(destination.pace, now, destination.unsent);
  }

  /** The job of an attempt that is still to be sent. */
  #jobOf(armed: ArmedRef): ActiveJob | undefined {
    const job = this.#options.active.get(armed.jobId);
    if (job === undefined || job.isLost) return undefined;
    const leg = legOf(job.run, armed.leg);
    return leg?.state === 'armed' && leg.token === armed.token ? job : undefined;
  }

  #call(
    job: ActiveJob,
    armed: ArmedRef,
    destination: Destination,
    now: number,
  ): AttemptCall | null {
    const { parts, calls, mover, maxResponseBytes } = this.#options;
    const leg = legOf(job.run, armed.leg);
    const path = job.spec.paths[leg?.path ?? -1];
    if (leg === undefined || path === undefined) return null;
    mover.sent(job, armed);
    const arrival = destination.arrivals.sent(now, destination.pace);
    calls.add({ ...armed, destination, sentAt: null, arrival });
    destination.unsent += 1;
    const { region } = leg;
    const { attempt, token } = armed;
    parts.notices.publish({
      jobId: job.id,
      at: parts.clock.now(),
      type: 'dispatching',
      attempt,
      path: leg.path,
      region,
    });
    return attemptCall({
      jobId: job.id,
      idempotentKey: job.idempotentKey,
      path,
      attempt,
      token,
      region,
      sendIdempotencyKey: job.spec.sendIdempotencyKey,
      maxResponseBytes,
    });
  }

  #waitFor(destination: Destination, wait: Wait | null, now: number): void {
    const { parts, onTime } = this.#options;
    const { pausedUntil } = pacedNow(destination);
    // In a pause nothing is armed that could ask: whoever stands in line has to be looked at then.
    const until = wait?.until ?? (destination.line.isEmpty ? null : pausedUntil);
    destination.stopTimer?.();
    destination.stopTimer = null;
    if (until !== null && until > now) {
      destination.stopTimer = parts.clock.after(until - now, () => {
        destination.stopTimer = null;
        onTime(destination);
      });
    }
    tellWaiting(destination, wait, parts);
  }
}

/** Whether the pace lets one call go now, and the target, should it count strictly, has room for it. */
function mayGo(destination: Destination, now: number): Admission {
  const { key, arrivals } = destination;
  const pace = pacedNow(destination);
  const verdict = admit([{ key, state: pace }], now);
  const until = arrivals.freeAt(pace);
  if (verdict.verdict === 'wait' || until === null || until <= now) return verdict;
  return { verdict: 'wait', key, reason: 'rate', until };
}
