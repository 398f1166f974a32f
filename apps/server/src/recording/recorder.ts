import { createWriteStream, existsSync, statSync, type WriteStream } from 'node:fs';
import { destinationLimit, HEADERS } from '@ezthrottle/core/protocol';
import { actualCost, DEFAULT_PACE } from '@ezthrottle/engine';
import type {
  AttemptCall,
  AttemptReport,
  Clock,
  CostSource,
  Executor,
  Id,
  JobSpec,
  Outcome,
  PutPaceOperation,
  StoredResponse,
} from '@ezthrottle/engine';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { DispatcherParts } from '../dispatch/dispatch-ports.ts';
import type { AdmittedJob } from '../dispatch/job-gate.ts';
import type { LimitRules } from '../limits/limit-rules.ts';
import { Journal } from './journal.ts';
import { type PartsNotes, recordedDispatcher, recordedParts } from './recorded-parts.ts';
import { recordedCostHeader, type RecordedLine, type RecordingHeader } from './recorded-line.ts';
import { recordedOutcome, recordedSpec } from './recorded-spec.ts';

export interface RecorderOptions {
  readonly file: string;
  /** Size of the file at which the recording ends, in bytes. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly rules: Pick<LimitRules, 'settingsOf' | 'destinationPace' | 'weightOf' | 'onChanged'>;
  readonly header: Omit<RecordingHeader, 'type' | 'version' | 'wall'>;
  /** What targets have taught so far. */
  readonly taught: PutPaceOperation['rows'];
  readonly onError: (error: Error) => void;
}

/** Told of what comes in, by who takes it in. */
export interface DispatchTap {
  /** @returns Told whether the job was taken. */
  submitting(job: AdmittedJob): (isTaken: boolean) => void;
  cancelled(organization: Id, id: Id): void;
}

export interface Recorder extends DispatchTap {
  /** The same executor, with what is called and what comes of it noted. */
  watching(executor: Executor): Executor;
  /** A dispatcher of which every turn is noted, with the same executor watched. */
  dispatching(parts: DispatcherParts, create: (parts: DispatcherParts) => Dispatcher): Dispatcher;
  close(): Promise<void>;
}

interface Watched {
  readonly job: Id;
  readonly attempt: number;
  sent: number | null;
}

/** A call under way. */
interface WatchedCall {
  readonly watched: Watched;
  readonly url: string;
}

/** Rows of what was taught that stand in one line. */
const ROWS_IN_LINE = 500;
/** Jobs whose limits are remembered until their calls have ended. */
const MOST_SOURCES = 100_000;

/** Notes all that comes into the engine as lines of JSON, without what jobs and answers carry. */
export function createRecorder(options: RecorderOptions): Recorder {
  return new FileRecorder(options);
}

class FileRecorder implements Recorder {
  readonly #options: RecorderOptions;
  readonly #startedAt: number;
  readonly #stream: WriteStream;
  readonly #stopListening: () => void;
  readonly #journal: Journal;
  readonly #outcomes = new WeakMap<AttemptReport, Outcome>();
  /** What the call of a report has called. */
  readonly #addresses = new WeakMap<AttemptReport, string>();
  readonly #known = new Set<string>();
  readonly #calls = new Map<string, WatchedCall>();
  /** By job, where answers tell what calls have cost. */
  readonly #sources = new Map<Id, readonly (CostSource & { readonly key: string })[]>();
  #bytes: number;
  #count = 0;
  #isOpen = true;

  constructor(options: RecorderOptions) {
    const { file, clock, rules, header, taught, onError } = options;
    this.#options = options;
    this.#startedAt = clock.monotonic();
    this.#journal = new Journal(clock, ({ monotonic: m, wall: w, inputs, draws }) => {
      const { n } = this.#moment();
      const t = m - this.#startedAt;
      this.#write({ type: 'turn', n, t, m, w, inputs, ...(draws.length > 0 && { draws }) });
    });
    this.#bytes = existsSync(file) ? statSync(file).size : 0;
    this.#stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
    this.#stream.on('error', (error) => {
      this.#isOpen = false;
      onError(error);
    });
    this.#write({ type: 'recording', version: 1, wall: clock.now(), ...header });
    for (let start = 0; start < taught.length; start += ROWS_IN_LINE) {
      this.#write({ type: 'taught', rows: taught.slice(start, start + ROWS_IN_LINE) });
    }
    this.#stopListening = rules.onChanged((organization, key) => {
      // All that follows from the last turn is done: it did not know of this.
      this.#journal.close();
      this.#noteLimit(organization, key);
    });
  }

  submitting(job: AdmittedJob): (isTaken: boolean) => void {
    if (!this.#isOpen) return () => undefined;
    const { id, organization, apiKey, createdAt, spec } = job;
    this.#noteKeys(job, spec);
    const moment = this.#moment();
    return (isTaken) => {
      if (!isTaken) return;
      this.#noteSources(organization, id, spec);
      if (this.#options.header.turns !== undefined) {
        this.#write({ type: 'taken', ...moment, id });
        return;
      }
      const kept = recordedSpec(spec);
      this.#write({ type: 'submit', ...moment, id, organization, apiKey, createdAt, spec: kept });
    };
  }

  cancelled(organization: Id, id: Id): void {
    this.#write({ type: 'cancel', ...this.#moment(), organization, id });
  }

  watching(executor: Executor): Executor {
    return {
      run: (calls) => {
        for (const call of calls) this.#began(call);
        executor.run(calls);
      },
      abort: (tokens) => executor.abort(tokens),
      onSent: (listener) => {
        executor.onSent((token) => {
          const call = this.#calls.get(token);
          if (call !== undefined) call.watched.sent = this.#t();
          listener(token);
        });
      },
      onReports: (listener) => {
        executor.onReports((reports) => {
          const t = this.#t();
          for (const report of reports) this.#ended(report, t);
          listener(reports);
        });
      },
      close: () => executor.close(),
    };
  }

  dispatching(parts: DispatcherParts, create: (parts: DispatcherParts) => Dispatcher): Dispatcher {
    const watched = { ...parts, tap: this, executor: this.watching(parts.executor) };
    const notes: PartsNotes = {
      limit: (organization, key) => this.#meet(organization, key),
      destination: (organization, origin) => this.#meet(organization, destinationLimit(origin)),
      weight: (apiKey) => {
        if (!this.#known.has(apiKey)) this.#noteWeight(apiKey);
      },
      outcomeOf: (report) => this.#outcomes.get(report) ?? recordedOutcome(report.outcome, null),
      keptOutcome: ({ outcome }, original) =>
        recordedOutcome(outcome, this.#addresses.get(original) ?? null),
    };
    const dispatcher = create(recordedParts(watched, this.#journal, notes));
    return recordedDispatcher(dispatcher, this.#journal, (job) => this.#offered(job));
  }

  #offered({ id, organization, apiKey, createdAt, spec }: AdmittedJob): void {
    if (!this.#isOpen) return;
    const kept = recordedSpec(spec);
    this.#write({ type: 'offer', id, organization, apiKey, createdAt, spec: kept });
  }

  #meet(organization: Id, key: string): void {
    if (!this.#known.has(`${organization} ${key}`)) this.#noteLimit(organization, key);
  }

  async close(): Promise<void> {
    this.#stopListening();
    this.#journal.close();
    this.#write({ type: 'closed', t: this.#t() });
    this.#isOpen = false;
    if (this.#stream.destroyed) return;
    await new Promise<void>((resolve) => this.#stream.end(resolve));
  }

  #began({ token, headers, url }: AttemptCall): void {
    const job = headers[HEADERS.jobId] ?? '';
    const attempt = Number(headers[HEADERS.attempt]);
    this.#calls.set(token, { watched: { job, attempt, sent: null }, url });
    const { origin } = new URL(url);
    this.#write({ type: 'start', ...this.#moment(), job, attempt, origin });
  }

  #ended(report: AttemptReport, t: number): void {
    const { token, outcome, response } = report;
    const call = this.#calls.get(token);
    if (call === undefined) return;
    this.#calls.delete(token);
    const { watched, url } = call;
    const recorded = recordedOutcome(outcome, url, this.#costs(watched.job, response));
    this.#outcomes.set(report, recorded);
    this.#addresses.set(report, url);
    const { n } = this.#moment();
    this.#write({ type: 'end', n, t, ...watched, outcome: recorded });
  }

  #costs(job: Id, response: StoredResponse | null): Readonly<Record<string, string>> {
    const costs: Record<string, string> = {};
    for (const { key, ...source } of this.#sources.get(job) ?? []) {
      const cost = actualCost(source, response);
      if (cost !== null) costs[recordedCostHeader(key)] = String(cost);
    }
    return costs;
  }

  #noteSources(organization: Id, id: Id, { paths }: JobSpec): void {
    const sources = paths.flatMap(({ limits = [] }) =>
      limits.flatMap(({ key, settleHeader, settlePath }) => {
        const own = sourceOf({ settleHeader, settlePath });
        const settings = this.#options.rules.settingsOf(organization, key);
        const source = own ?? (settings === null ? null : sourceOf(settings));
        return source === null ? [] : [{ key, ...source }];
      }),
    );
    if (sources.length === 0) return;
    this.#sources.set(id, sources);
    if (this.#sources.size <= MOST_SOURCES) return;
    const [oldest] = this.#sources.keys();
    if (oldest !== undefined) this.#sources.delete(oldest);
  }

  /** What holds of a job's keys, when they are met for the first time. */
  #noteKeys(
    { organization, apiKey }: Pick<AdmittedJob, 'organization' | 'apiKey'>,
    { paths }: JobSpec,
  ): void {
    if (!this.#known.has(apiKey)) this.#noteWeight(apiKey);
    for (const { origin, limits = [], onSuccess, onFailure } of paths) {
      const keys = [destinationLimit(origin), ...limits.map(({ key }) => key)];
      for (const key of keys) {
        if (!this.#known.has(`${organization} ${key}`)) this.#noteLimit(organization, key);
      }
      for (const child of [onSuccess, onFailure]) {
        if (child !== null) this.#noteKeys({ organization, apiKey }, child);
      }
    }
  }

  #noteWeight(apiKey: Id): void {
    this.#known.add(apiKey);
    const weight = this.#options.rules.weightOf(apiKey);
    this.#write({ type: 'weight', ...this.#moment(), apiKey, weight });
  }

  #noteLimit(organization: Id, key: string): void {
    if (key.startsWith('api-key:')) {
      this.#noteWeight(key.slice('api-key:'.length));
      return;
    }
    const { rules } = this.#options;
    this.#known.add(`${organization} ${key}`);
    const said = rules.settingsOf(organization, key);
    const origin = key.startsWith('destination:') ? key.slice('destination:'.length) : null;
    const pace = origin === null ? said?.pace : rules.destinationPace(organization, origin);
    if (pace === undefined) {
      const rest = { pace: DEFAULT_PACE, adaptive: true, pausedUntil: null, settles: false };
      this.#write({ type: 'limit', ...this.#moment(), organization, key, ...rest, isGone: true });
      return;
    }
    const pausedUntil = said?.pausedUntil ?? null;
    this.#write({
      type: 'limit',
      ...this.#moment(),
      organization,
      key,
      pace,
      adaptive: said?.adaptive ?? true,
      pausedUntil: pausedUntil === Number.POSITIVE_INFINITY ? 'always' : pausedUntil,
      settles: said !== null && sourceOf(said) !== null,
    });
  }

  #moment(): { readonly n: number; readonly t: number } {
    this.#count += 1;
    return { n: this.#count, t: this.#t() };
  }

  #t(): number {
    return this.#journal.clock.monotonic() - this.#startedAt;
  }

  #write(line: RecordedLine): void {
    if (!this.#isOpen) return;
    const text = `${JSON.stringify(line)}\n`;
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > this.#options.maxBytes - ROOM_FOR_LAST) {
      this.#isOpen = false;
      this.#stream.write(`${JSON.stringify({ type: 'full', t: this.#t() })}\n`);
      return;
    }
    this.#stream.write(text);
  }
}

/** Bytes for the line which says that there is no room for more. */
const ROOM_FOR_LAST = 64;

function sourceOf({
  settleHeader,
  settlePath,
}: {
  readonly settleHeader?: string | undefined;
  readonly settlePath?: string | undefined;
}): CostSource | null {
  if (settleHeader !== undefined) return { settleHeader };
  return settlePath === undefined ? null : { settlePath };
}
