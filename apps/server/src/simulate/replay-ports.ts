import type {
  AttemptCall,
  AttemptReport,
  Clock,
  Executor,
  Id,
  JobReads,
  LiveJob,
  Outcome,
  WorkReads,
} from '@ezthrottle/engine';
import { HEADERS } from '@ezthrottle/core/protocol';
import { filledSpec } from '../recording/recorded-spec.ts';
import type { ReplayedStart } from './replay-executor.ts';

/** The replay does something else than the recording says: from here on it tells nothing. */
export class DivergedError extends Error {
  readonly code = 'replay_diverged';
  override readonly name = 'DivergedError';
}

/** A clock that stands where the recording says, with timers that go off when it says so. */
export class RecordedClock implements Clock {
  wall = 0;
  elapsed = 0;
  readonly #timers = new Map<number, () => void>();
  #count = 0;

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  after(_delayMs: number, callback: () => void): () => void {
    this.#count += 1;
    const number = this.#count;
    this.#timers.set(number, callback);
    return () => this.#timers.delete(number);
  }

  fire(number: number): void {
    const callback = this.#timers.get(number);
    if (callback === undefined) throw new DivergedError(`timer ${number} is not set`);
    this.#timers.delete(number);
    callback();
  }
}

/** Answers that come when the recording says, to questions that are known by their number. */
export class PendingAnswers {
  readonly #what: string;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  constructor(what: string) {
    this.#what = what;
  }

  /** Settles in the very turn of the answer, and not later than the recorded one did. */
  ask<Result>(parse: (text: string) => Result): Promise<Result> {
    this.#count += 1;
    const number = this.#count;
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.set(number, { answer: (text) => resolve(parse(text)), fail: reject });
    });
  }

  answer(number: number, text: string): void {
    this.#take(number).answer(text);
  }

  fail(number: number, message: string): void {
    this.#take(number).fail(new Error(message));
  }

  #take(number: number): Waiting {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) throw new DivergedError(`${this.#what} ${number} is not under way`);
    this.#waiting.delete(number);
    return waiting;
  }
}

interface Waiting {
  readonly answer: (text: string) => void;
  readonly fail: (error: Error) => void;
}

/** The store's reads, answered by the recording. */
export function replayedReads(answers: PendingAnswers): {
  readonly jobs: JobReads;
  readonly work: WorkReads;
} {
  const read = <Result>(): Promise<Result> =>
    answers.ask((text) => {
      const result: Result = JSON.parse(text);
      return result;
    });
  const never = (): Promise<never> => Promise.reject(new DivergedError('a read is not recorded'));
  return {
    jobs: {
      get: () => read(),
      live: () =>
        answers.ask((text) => {
          const jobs: readonly LiveJob[] = JSON.parse(text);
          return jobs.map((job) => ({ ...job, spec: filledSpec(job.spec) }));
        }),
      counts: () => read(),
      holder: never,
      list: never,
      attempts: never,
      responses: never,
      deliveries: never,
      children: never,
      liveByAccount: never,
    },
    work: {
      lines: () => read(),
      ready: () => read(),
      due: () => read(),
      nextDueAt: () => read(),
      oldestReadyAt: () => read(),
      armed: () => read(),
      wakeable: () => read(),
      nextWakeAt: () => read(),
      pace: () => read(),
      paceOf: () => read(),
    },
  };
}

/** Notes what is called, and answers when the recording says. */
export class RecordedExecutor implements Executor {
  readonly starts: ReplayedStart[] = [];
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #tokens = new Map<number, string>();
  #tellSent: (token: string) => void = () => undefined;
  #report: (reports: readonly AttemptReport[]) => void = () => undefined;
  #count = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  run(calls: readonly AttemptCall[]): void {
    for (const { token, headers, url } of calls) {
      this.#count += 1;
      this.#tokens.set(this.#count, token);
      const job: Id = headers[HEADERS.jobId] ?? '';
      const attempt = Number(headers[HEADERS.attempt]);
      const { origin } = new URL(url);
      this.starts.push({ job, attempt, origin, at: this.#clock.monotonic() });
    }
  }

  abort(): void {
    // Whether and when that ended the calls, the recording says.
  }

  onSent(listener: (token: string) => void): void {
    this.#tellSent = listener;
  }

  onReports(listener: (reports: readonly AttemptReport[]) => void): void {
    this.#report = listener;
  }

  async close(): Promise<void> {
    this.#tokens.clear();
  }

  sent(number: number): void {
    this.#tellSent(this.#tokenOf(number));
  }

  ended(calls: readonly (readonly [call: number, Outcome, endedAt: number])[]): void {
    this.#report(
      calls.map(([number, outcome, endedAt]): AttemptReport => {
        const token = this.#tokenOf(number);
        const response =
          outcome.kind === 'response'
            ? {
                status: outcome.status,
                headers: outcome.headers,
                body: '',
                bodyEncoding: 'utf8' as const,
                truncated: false,
              }
            : null;
        return { token, outcome, response, startedAt: endedAt, endedAt };
      }),
    );
  }

  #tokenOf(number: number): string {
    const token = this.#tokens.get(number);
    if (token === undefined) throw new DivergedError(`call ${number} was not made`);
    return token;
  }
}
