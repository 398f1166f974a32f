import { isFinalState } from '@ezthrottle/core/protocol';
import {
  type AttemptRecord,
  type Clock,
  eventsAfter,
  type Id,
  type JobReads,
  type JobRecord,
  type Leg,
  lineOf,
  pathOfLeg,
  type TimelineEvent,
  timelineOf,
} from '@ezthrottle/engine';
import type { Dispatcher } from '../../dispatch/dispatcher.ts';
import type { JobNotice } from '../../realtime/job-event.ts';
import type { JobEventHub } from '../../realtime/job-event-hub.ts';
import { isEndType, numberedEvent } from '../../realtime/numbered-event.ts';
import { whereItWaits } from '../../realtime/where-it-waits.ts';
import type { KeyEnd, KeyEnds } from '../../tenancy/key-ends.ts';
import type { Caller } from '../../tenancy/api-keys.ts';
import { ApiError } from '../api-error.ts';
import { jobIdOf, jobNotFound } from '../job-id.ts';
import type { Answer, Route } from '../route.ts';
import { EventStream } from './event-stream.ts';

export interface JobStreamsOptions {
  readonly jobs: Pick<JobReads, 'get' | 'attempts' | 'live'>;
  readonly hub: JobEventHub;
  readonly clock: Clock;
  /** A stream ends when the key that opened it opens nothing any more. */
  readonly keyEnds: Pick<KeyEnds, 'onEnd'>;
  /** What the last event says beside the job's id and the time. */
  readonly endData: (job: JobRecord) => Promise<Readonly<Record<string, unknown>>>;
  /** Where a call of a live job waits, for who has just come. */
  readonly waitOf: Dispatcher['waitOf'];
  /** The call of an armed attempt, once it was handed over. */
  readonly callOf: Dispatcher['callOf'];
  /** How often it is looked what was done elsewhere, untold, in milliseconds. Default: with each sign of life. */
  readonly lookEveryMs?: number | undefined;
  /** Milliseconds between two signs of life; default 15 000. */
  readonly keepAliveMs?: number;
}

export interface JobStreams {
  readonly route: Route;
  /** Ends every stream and opens no new one; clients come back to whoever listens next. */
  close(): void;
}

const KEY_ENDS: Readonly<Record<KeyEnd, string>> = {
  expired: 'has expired',
  revoked: 'was revoked',
  rotated: 'was rotated',
};

/** Notices that are kept while the history is being read. */
const MAX_EARLY_NOTICES = 1_000;

/** A job's life as server-sent events: what has happened first, then what happens, until the end. */
export function createJobStreams(options: JobStreamsOptions): JobStreams {
  const open = new Set<EventStream>();
  let isClosed = false;
  return {
    close() {
      isClosed = true;
      for (const stream of open) stream.end();
    },
    route: {
      method: 'GET',
      path: '/jobs/:id/stream',
      access: 'read',
      async handle(call, caller) {
        if (isClosed) throw busy('the server is stopping');
        const lastSeen = lastEventId(call.header('last-event-id'));
        return watch(options, caller, jobIdOf(call), lastSeen, open);
      },
    },
  };
}

function busy(message: string): ApiError {
  return new ApiError('unavailable', message, { retryAfter: 5 });
}

function lastEventId(header: string | null): number | null {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : null;
}

async function watch(
  options: JobStreamsOptions,
  caller: Caller,
  id: Id,
  lastSeen: number | null,
  open: Set<EventStream>,
): Promise<Answer> {
  const { hub, jobs } = options;
  const { organization } = caller;
  // Listening starts before reading, so that nothing falls in between.
  let listener = (notice: JobNotice): void => {
    if (early.length < MAX_EARLY_NOTICES) early.push(notice);
  };
  const early: JobNotice[] = [];
  const unsubscribe = hub.subscribe(id, (notice) => listener(notice));
  if (unsubscribe === null) throw busy('too many event streams are open');
  try {
    const job = await jobs.get(organization, id);
    if (job === null) throw jobNotFound();
    const events = await readTimeline(options, job);
    const last = events.at(-1);
    if (job.end !== null && last !== undefined && lastSeen !== null && lastSeen >= last.number) {
      // It has seen the end, or more than there ever was. Only this status keeps an EventSource from coming back for ever.
      unsubscribe();
      return { status: 204 };
    }
    const stream = new EventStream();
    const watcher = new Watcher(options, job, stream);
    open.add(stream);
    const forgetKey = options.keyEnds.onEnd(caller, (why) => {
      stream.end(`the API key that opened this stream ${KEY_ENDS[why]}`);
    });
    stream.onClose(() => {
      forgetKey();
      open.delete(stream);
      unsubscribe();
      watcher.stop();
    });
    // Not awaited: a long history goes out as fast as the client reads it, and it reads only now.
    watcher.begin(job, events, lastSeen).then(
      () => {
        listener = (notice) => watcher.onNotice(notice);
        for (const notice of early) watcher.onNotice(notice);
        // Whoever is not told now is told when his line moves.
        if (job.end === null) watcher.tellWhereItWaits().catch(() => undefined);
      },
      () => stream.readable.destroy(),
    );
    return { status: 200, events: stream.readable };
  } catch (error) {
    unsubscribe();
    throw error;
  }
}

async function readTimeline(
  options: JobStreamsOptions,
  job: JobRecord,
): Promise<readonly TimelineEvent[]> {
  const attempts = await options.jobs.attempts(job.id);
  const [live] = job.end === null ? await options.jobs.live([job.id]) : [];
  const legs = live?.run.legs ?? [];
  return timelineOf({
    createdAt: job.createdAt,
    attempts: attempts.flatMap((attempt) => asHandedOver(options, job, legs, attempt)),
    end: job.end,
  });
}

/**
 * The attempt as far as it has come: what is armed is on disk before it is handed over, and its start only after
 * it has ended. Nothing while it waits for its turn.
 */
function asHandedOver(
  { callOf, waitOf }: Pick<JobStreamsOptions, 'callOf' | 'waitOf'>,
  { organization, id: jobId, spec }: JobRecord,
  legs: readonly Leg[],
  attempt: AttemptRecord,
): readonly AttemptRecord[] {
  const leg = legs.find(({ id }) => id === attempt.leg);
  if (attempt.endedAt !== null || leg?.state !== 'armed') return [attempt];
  const call = callOf(leg.token);
  if (call !== null) return [{ ...attempt, startedAt: call.startedAt }];
  const path = pathOfLeg(spec, leg);
  const isWaiting =
    path !== undefined && waitOf({ organization, line: lineOf(path), jobId, leg: leg.id }) !== null;
  return isWaiting ? [] : [attempt];
}

/** Brings one stream up to date and keeps it so. */
class Watcher {
  readonly #options: JobStreamsOptions;
  readonly #organization: Id;
  readonly #id: Id;
  readonly #stream: EventStream;
  readonly #sent = new Set<number>();
  /** The last that was told. */
  #position: number | null = null;
  #cancelTimer: () => void = () => undefined;
  #cancelLook: () => void = () => undefined;

  constructor(options: JobStreamsOptions, job: JobRecord, stream: EventStream) {
    this.#options = options;
    this.#organization = job.organization;
    this.#id = job.id;
    this.#stream = stream;
  }

  async begin(
    job: JobRecord,
    events: readonly TimelineEvent[],
    lastSeen: number | null,
  ): Promise<void> {
    const news = new Set(eventsAfter(events, lastSeen));
    for (const event of events) {
      if (!news.has(event)) this.#sent.add(event.number);
    }
    await this.#catchUp(job, events);
    this.#keepAlive();
    this.#look();
  }

  stop(): void {
    this.#cancelTimer();
    this.#cancelLook();
  }

  onNotice(notice: JobNotice): void {
    if (!this.#stream.isOpen) return;
    if (isEndType(notice.type)) {
      this.#readAgain();
    } else if (notice.type === 'waiting') {
      const { key, reason, until, at } = notice;
      this.#tell('waiting', { at, key, reason, until });
    } else if (notice.type === 'position') {
      const { position, at } = notice;
      if (position === this.#position) return;
      this.#position = position;
      this.#tell('position', { at, position });
    } else {
      const event = numberedEvent(notice);
      if (event !== null) this.#send(event, event.data);
    }
  }

  /** What is only told to those present, to one who has just come. */
  async tellWhereItWaits(): Promise<void> {
    for (const notice of await whereItWaits(this.#id, this.#options)) this.onNotice(notice);
  }

  /** May be missed by who reads slowly. */
  #tell(event: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#stream.isBehind) return;
    this.#stream.send({ event, data: { job_id: this.#id, ...data } });
  }

  /** Sends what the store knows and the client does not; ends the stream after the job's end. */
  async #catchUp(job: JobRecord, events: readonly TimelineEvent[]): Promise<void> {
    for (const event of events) {
      if (this.#stream.isBehind) await this.#stream.untilRead();
      const data = isEndType(event.type) ? await this.#options.endData(job) : event.data;
      this.#send(event, data);
    }
    if (job.end !== null || isFinalState(job.state)) this.#stream.end();
  }

  #send(event: TimelineEvent, data: Readonly<Record<string, unknown>>): void {
    if (this.#sent.has(event.number)) return;
    this.#sent.add(event.number);
    this.#stream.send({
      event: event.type,
      id: event.number,
      data: { job_id: this.#id, at: event.at, ...data },
    });
  }

  #readAgain(): void {
    const { jobs } = this.#options;
    const reading = async (): Promise<void> => {
      const job = await jobs.get(this.#organization, this.#id);
      if (job === null) this.#stream.end();
      else await this.#catchUp(job, await readTimeline(this.#options, job));
    };
    // Whoever cannot be told now comes back and asks again.
    reading().catch(() => this.#stream.end());
  }

  #look(): void {
    const { clock, lookEveryMs } = this.#options;
    if (lookEveryMs === undefined) return;
    this.#cancelLook = clock.after(lookEveryMs, () => {
      if (!this.#stream.isOpen) return;
      this.#readAgain();
      this.#look();
    });
  }

  /** A sign of life; it also finds an end that no notice told of. */
  #keepAlive(): void {
    const { clock, keepAliveMs = 15_000 } = this.#options;
    this.#cancelTimer = clock.after(keepAliveMs, () => {
      if (!this.#stream.isOpen) return;
      this.#stream.keepAlive();
      this.#readAgain();
      this.#keepAlive();
    });
  }
}
