import { jobStatus } from '@ezthrottle/core/protocol';
import {
  type Clock,
  eventsAfter,
  type Id,
  isRacing,
  type JobRecord,
  readResult,
  type TimelineEvent,
  timelineOf,
} from '@ezthrottle/engine';
import type { Activity } from '../network/activity.ts';
import type { MemoryStore } from '../store/memory-store.ts';
import { type ApiCall, type ApiRoute, parseJobId } from './api-call.ts';
import { noSuchJob } from './api-refusal.ts';

export interface StreamRouteParts {
  readonly store: MemoryStore;
  readonly organization: Id;
  readonly clock: Pick<Clock, 'after'>;
  readonly activity: Activity;
}

/** How long a client waits before it comes back, in milliseconds. */
const RECONNECT_MS = 2_000;
/** Often enough for clients, who give a silent stream up after 45 s; seldom, as each moves time. */
const KEEP_ALIVE_MS = 40_000;

/** `/api/v1/jobs/:id/stream`: what has happened to a job, then what happens, until its end. */
export function streamRoute(parts: StreamRouteParts): ApiRoute {
  return {
    method: 'GET',
    path: /^\/jobs\/([^/]+)\/stream\/?$/,
    async handle(call) {
      const id = parseJobId(call.params[0] ?? '');
      const job = id === null ? null : await parts.store.jobs.get(parts.organization, id);
      if (job === null) throw noSuchJob();
      const last = timelineIn(parts.store, job).at(-1);
      const lastSeen = lastEventId(call);
      const hasSeenEnd = job.end !== null && last !== undefined && lastSeen !== null;
      if (hasSeenEnd && lastSeen >= last.number) return { status: 204, body: undefined };
      return { status: 200, body: new JobStream(parts, job, lastSeen, call.signal).readable };
    },
  };
}

function lastEventId({ header }: ApiCall): number | null {
  const text = header('last-event-id');
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function timelineIn(store: MemoryStore, job: JobRecord): readonly TimelineEvent[] {
  return timelineOf({
    createdAt: job.createdAt,
    attempts: store.jobs.attemptsOf(job.id),
    end: job.end,
  });
}

/** One stream. Virtual time goes on while its reader waits, and stands still while that has something to read. */
class JobStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #parts: StreamRouteParts;
  readonly #id: Id;
  readonly #sent = new Set<number>();
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #unpark: (() => void) | null = null;
  #endings: (() => void)[] = [];

  constructor(
    parts: StreamRouteParts,
    job: JobRecord,
    lastSeen: number | null,
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#id = job.id;
    const events = timelineIn(parts.store, job);
    const news = new Set(eventsAfter(events, lastSeen));
    for (const event of events) if (!news.has(event)) this.#sent.add(event.number);
    const abort = (): void => this.#abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#endings.push(
      parts.store.onWritten(() => this.#tell()),
      () => signal.removeEventListener('abort', abort),
    );
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          this.#write(`retry: ${RECONNECT_MS}\n\n`);
          this.#tell();
          this.#keepAlive();
        },
        pull: () => {
          this.#unpark ??= parts.activity.park();
        },
        cancel: () => this.#end(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Sends what has happened and was not sent. */
  #tell(): void {
    const { store } = this.#parts;
    const job = this.#controller === null ? null : store.jobs.record(this.#id);
    if (job === null) return;
    for (const event of timelineIn(store, job)) {
      if (this.#sent.has(event.number)) continue;
      this.#sent.add(event.number);
      if (job.end === null || event.type !== job.end.state) this.#send(event, event.data);
      else void this.#finish(job, event);
    }
  }

  async #finish(job: JobRecord, event: TimelineEvent): Promise<void> {
    const { store, activity } = this.#parts;
    activity.touch();
    const { state, spec } = job;
    const result = await readResult(job, store.jobs);
    this.#send(event, { status: jobStatus(state, isRacing(spec)), state, result });
    const controller = this.#controller;
    this.#end();
    controller?.close();
  }

  #send({ type, number, at }: TimelineEvent, data: object): void {
    const text = JSON.stringify({ job_id: this.#id, at, ...data });
    this.#write(`event: ${type}\nid: ${number}\ndata: ${text}\n\n`);
  }

  #write(text: string): void {
    if (this.#controller === null) return;
    this.#controller.enqueue(new TextEncoder().encode(text));
    this.#goOn();
  }

  #keepAlive(): void {
    const stop = this.#parts.clock.after(KEEP_ALIVE_MS, () => {
      this.#write(': keepalive\n\n');
      this.#keepAlive();
    });
    this.#endings.push(stop);
  }

  /** Whoever reads it is at work now. */
  #goOn(): void {
    this.#unpark?.();
    this.#unpark = null;
    this.#parts.activity.touch();
  }

  #abort(reason: unknown): void {
    const controller = this.#controller;
    this.#end();
    controller?.error(reason);
  }

  #end(): void {
    this.#controller = null;
    for (const end of this.#endings.splice(0)) end();
    this.#goOn();
  }
}
