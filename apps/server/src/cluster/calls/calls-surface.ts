import { Readable } from 'node:stream';
import type { AttemptCall, AttemptReport, Clock, Executor } from '@ezthrottle/engine';
import { ApiError } from '../../api/api-error.ts';
import type { Answer, Call, Surface } from '../../api/route.ts';
import {
  ABORTS_PATH,
  type AbortMessage,
  ALIVE_EVERY_MS,
  type CallEvent,
  type CallsMessage,
  CALLS_PATH,
} from './call-messages.ts';
import type { NodeEnvelope } from './node-envelope.ts';

export interface CallsSurfaceOptions {
  readonly envelope: NodeEnvelope;
  /** Its own: it takes all reports. */
  readonly executor: Executor;
  readonly clock: Clock;
}

/** Who is told of a call, and which other calls he waits for. */
interface Asker {
  readonly waiting: Set<string>;
  readonly readable: Readable;
  tell(event: CallEvent): void;
}

/** A sealed message of the largest calls that a job may make. */
const MAX_BODY_BYTES = 64 * 1_048_576;

/** Makes calls for other nodes, from the regions of this one. Nobody without the master key gets an answer. */
export function createCallsSurface(options: CallsSurfaceOptions): Surface {
  const { envelope, executor, clock } = options;
  const askers = new Map<string, Asker>();
  const seen = new RecentTokens(clock);
  /** Calls that were to be stopped before they came. */
  const stopped = new RecentTokens(clock);
  executor.onSent((token) => askers.get(token)?.tell({ type: 'sent', token }));
  const told = (reports: readonly AttemptReport[]): void => {
    for (const report of reports) {
      const asker = askers.get(report.token);
      if (asker === undefined) continue;
      askers.delete(report.token);
      asker.waiting.delete(report.token);
      asker.tell({ type: 'reports', reports: [report] });
      if (asker.waiting.size === 0) asker.readable.push(null);
    }
  };
  executor.onReports(told);

  function ask(call: Call, { from, calls }: CallsMessage): Answer {
    // A message that comes twice makes no call twice.
    const fresh = calls.filter(({ token }) => seen.add(token));
    const readable = new Readable({ read: () => undefined });
    const asker: Asker = {
      waiting: new Set(fresh.map(({ token }) => token)),
      readable,
      tell: (event) => readable.push(`${JSON.stringify(envelope.seal('event', from, event))}\n`),
    };
    for (const { token } of fresh) askers.set(token, asker);
    let stopTimer = (): void => undefined;
    const live = (): void => {
      stopTimer = clock.after(ALIVE_EVERY_MS, () => {
        asker.tell({ type: 'alive' });
        live();
      });
    };
    live();
    call.onGone(() => {
      stopTimer();
      const left = [...asker.waiting];
      for (const token of left) askers.delete(token);
      executor.abort(left);
    });
    const over = fresh.filter(({ token }) => stopped.has(token));
    if (over.length > 0) told(over.map((one) => abortedReport(one, clock.now())));
    if (fresh.length === 0) readable.push(null);
    else executor.run(fresh.filter((one) => !over.includes(one)));
    return { status: 200, events: readable };
  }

  return {
    prefix: '',
    routes: [
      {
        method: 'POST',
        path: CALLS_PATH,
        access: 'public',
        maxBodyBytes: MAX_BODY_BYTES,
        handle: (call) => {
          const message = envelope.open('calls', call.body);
          if (!isCalls(message)) throw refused();
          return Promise.resolve(ask(call, message));
        },
      },
      {
        method: 'POST',
        path: ABORTS_PATH,
        access: 'public',
        handle: (call) => {
          const message = envelope.open('abort', call.body);
          if (!isAbort(message)) throw refused();
          for (const token of message.tokens) if (!askers.has(token)) stopped.add(token);
          executor.abort(message.tokens);
          return Promise.resolve({ status: 204 });
        },
      },
    ],
  };
}

/** As if there were nothing here. */
function refused(): ApiError {
  return new ApiError('not_found', 'there is nothing at this address');
}

function isCalls(value: unknown): value is CallsMessage {
  return typeof value === 'object' && value !== null && 'calls' in value;
}

function isAbort(value: unknown): value is AbortMessage {
  return typeof value === 'object' && value !== null && 'tokens' in value;
}

function abortedReport({ token }: AttemptCall, at: number): AttemptReport {
  return { token, outcome: { kind: 'aborted' }, response: null, startedAt: at, endedAt: at };
}

/** As long as a message could be sent a second time, in milliseconds. */
const REMEMBERED_MS = 150_000;

class RecentTokens {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #seen = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  has(token: string): boolean {
    return this.#seen.has(token);
  }

  /** False: it was there before. */
  add(token: string): boolean {
    const now = this.#clock.monotonic();
    for (const [old, until] of this.#seen) {
      if (until > now) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(token)) return false;
    this.#seen.set(token, now + REMEMBERED_MS);
    return true;
  }
}
