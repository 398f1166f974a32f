import { inspect } from 'node:util';
import type { LimitSettingsRequest } from '@ezthrottle/core/protocol';
import type {
  AttemptCall,
  AttemptReport,
  Clock,
  DeliveryRecord,
  Executor,
  Id,
  KeyParts,
  JobSpec,
  Outcome,
  PaceSettings,
  Store,
  Verdict,
} from '@ezthrottle/engine';
import { createChance, DEFAULT_PACE, idempotencyClaim, limitSettings } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { API_KEY, newSpec, nextId, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { createCommitter } from '../src/commit/committer.ts';
import { createDispatcher } from '../src/dispatch/paced-dispatcher.ts';
import type { Dispatcher } from '../src/dispatch/dispatcher.ts';
import type { DispatcherParts, NamedLimits } from '../src/dispatch/dispatch-ports.ts';
import { sha256 } from '../src/dispatch/sha256.ts';
import { createRecorder } from '../src/recording/recorder.ts';
import type { JobNotice } from '../src/realtime/job-event.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { temporaryFolder } from './temporary-store.ts';

/** What the scripted target does with a call. */
export interface ScriptedAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of a response. */
  readonly outcome?: Outcome;
  /** Milliseconds until it answers; `never`: until it is aborted. Default 0. */
  readonly afterMs?: number | 'never';
}

export interface SentCall {
  readonly call: AttemptCall;
  /** On the monotonic clock. */
  readonly at: number;
}

/** Answers calls by a script, on the test's clock. */
export class ScriptedExecutor implements Executor {
  readonly sent: SentCall[] = [];
  readonly aborted: string[] = [];
  /** The most calls that were ever under way at once. */
  mostAtOnce = 0;
  script: (call: AttemptCall) => ScriptedAnswer = () => ({});
  readonly #clock: Clock;
  readonly #running = new Set<string>();
  #tellSent: (token: string) => void = () => {};
  #listener: (reports: readonly AttemptReport[]) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  onSent(listener: (token: string) => void): void {
    this.#tellSent = listener;
  }

  onReports(listener: (reports: readonly AttemptReport[]) => void): void {
    this.#listener = listener;
  }

  run(calls: readonly AttemptCall[]): void {
    const answers = new Map<number, [string, Outcome][]>();
    for (const call of calls) {
      this.sent.push({ call, at: this.#clock.monotonic() });
      this.#running.add(call.token);
      this.#tellSent(call.token);
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#running.size);
      const { afterMs = 0, status = 200, headers = {}, outcome } = this.script(call);
      if (afterMs === 'never') continue;
      const answer: Outcome = outcome ?? { kind: 'response', status, headers };
      answers.set(afterMs, [...(answers.get(afterMs) ?? []), [call.token, answer]]);
    }
    for (const [afterMs, batch] of answers) this.#clock.after(afterMs, () => this.#report(batch));
  }

  abort(tokens: readonly string[]): void {
    this.aborted.push(...tokens);
    this.#clock.after(0, () => this.#report(tokens.map((token) => [token, { kind: 'aborted' }])));
  }

  async close(): Promise<void> {
    this.#report([...this.#running].map((token) => [token, { kind: 'aborted' }]));
  }

  /** Calls to this address, in the order of their sending. */
  sentTo(url: string): readonly SentCall[] {
    return this.sent.filter(({ call }) => call.url === url);
  }

  #report(answers: readonly (readonly [string, Outcome])[]): void {
    const now = this.#clock.now();
    const reports = answers.flatMap(([token, outcome]): AttemptReport[] => {
      if (!this.#running.delete(token)) return [];
      return [{ token, outcome, response: responseOf(outcome), startedAt: now, endedAt: now }];
    });
    if (reports.length > 0) this.#listener(reports);
  }
}

function responseOf(outcome: Outcome): AttemptReport['response'] {
  if (outcome.kind !== 'response') return null;
  const { status, headers } = outcome;
  return { status, headers, body: 'answer', bodyEncoding: 'utf8', truncated: false };
}

/** A server's middle on a real file: a dispatcher that can be killed and started again. */
export interface DispatchHarness extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly executor: ScriptedExecutor;
  readonly dispatcher: Dispatcher;
  readonly notices: JobNotice[];
  readonly delivered: DeliveryRecord[];
  readonly logged: string[];
  watched: (id: Id) => boolean;
  /** Puts a limit, or with null takes it away. */
  setLimit(name: string, settings: LimitSettingsRequest | null): void;
  /** All that was recorded is in the file. */
  endRecording(): Promise<void>;
  submit(spec: Partial<JobSpec>, account?: { readonly apiKey?: Id }): Promise<Id>;
  submitFor(
    spec: Partial<JobSpec>,
    apiKey?: Id,
  ): Promise<{ readonly id: Id; readonly verdict: Verdict }>;
  /** Moves time on in steps small enough that commits end in between. */
  run(ms: number, stepMs?: number): Promise<void>;
  /** Moves time on until this holds. */
  runUntil(
    holds: () => boolean | Promise<boolean>,
    limitMs?: number,
    stepMs?: number,
  ): Promise<void>;
  /** As after a kill: nothing of the old process writes any more, a new one starts on the same file. */
  restart(options?: HarnessOptions): Promise<void>;
}

export interface HarnessOptions {
  readonly pace?: Partial<PaceSettings>;
  readonly limits?: DispatcherParts['limits'];
  /** Limits that jobs may name; changed by `setLimit`. */
  readonly named?: Readonly<Record<string, LimitSettingsRequest>>;
  /** File into which all that comes in is recorded. */
  readonly recording?: string;
  /** Into how many parts every destination is divided by account. Default 1. */
  readonly parts?: KeyParts;
  /** Default: no destination is taken for down. */
  readonly circuit?: DispatcherParts['circuit'];
}

export const SECOND_API_KEY: typeof API_KEY = { ...API_KEY, id: nextId(), hash: 'c'.repeat(64) };

export async function openDispatchHarness(first: HarnessOptions = {}): Promise<DispatchHarness> {
  const folder = await temporaryFolder();
  const file = `${folder.path}/store.db`;
  const clock = new FakeClock();
  let current = await boot(file, clock, first);
  await current.store.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
    { type: 'put_api_key', apiKey: SECOND_API_KEY },
  ]);
  await current.dispatcher.start();

  const submitFor: DispatchHarness['submitFor'] = async (spec, apiKey = API_KEY.id) => {
    const id = nextId();
    const job = newSpec({ idempotentKey: `key of ${id}`, ...spec });
    const organization = ORGANIZATION.id;
    const idempotency = idempotencyClaim(job, organization, { sha256 });
    const admitted = {
      id,
      organization,
      apiKey,
      spec: job,
      idempotency,
      createdAt: Math.floor(clock.now()),
    };
    return { id, verdict: await current.dispatcher.submit(admitted) };
  };

  return {
    clock,
    get store() {
      return current.store;
    },
    get executor() {
      return current.executor;
    },
    get dispatcher() {
      return current.dispatcher;
    },
    get notices() {
      return current.notices;
    },
    get delivered() {
      return current.delivered;
    },
    get logged() {
      return current.logged;
    },
    get watched() {
      return current.watching.isWatched;
    },
    set watched(isWatched) {
      current.watching.isWatched = isWatched;
    },
    async submit(spec, account = {}) {
      const { id, verdict } = await submitFor(spec, account.apiKey);
      if (verdict.verdict !== 'ok') throw new Error(`not taken: ${JSON.stringify(verdict)}`);
      return id;
    },
    submitFor,
    setLimit: (name, settings) => current.setLimit(name, settings),
    endRecording: () => current.endRecording(),
    async run(ms, stepMs = 5) {
      for (let passed = 0; passed < ms; passed += stepMs) await clock.advance(stepMs);
    },
    async runUntil(holds, limitMs = 60_000, stepMs = 5) {
      for (let passed = 0; passed < limitMs; passed += stepMs) {
        if (await holds()) return;
        await clock.advance(stepMs);
      }
      throw new Error(`did not come about within ${limitMs} ms: ${holds.toString()}`);
    },
    async restart(options = first) {
      current.kill();
      await current.store.close();
      current = await boot(file, clock, options);
      await current.dispatcher.start();
    },
    async [Symbol.asyncDispose]() {
      current.kill();
      await current.store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

interface Process {
  readonly store: Store;
  readonly executor: ScriptedExecutor;
  readonly dispatcher: Dispatcher;
  readonly notices: JobNotice[];
  readonly delivered: DeliveryRecord[];
  readonly logged: string[];
  readonly watching: { isWatched: (id: Id) => boolean };
  setLimit(name: string, settings: LimitSettingsRequest | null): void;
  kill(): void;
  endRecording(): Promise<void>;
}

let tokens = 0;

async function boot(file: string, clock: FakeClock, options: HarnessOptions): Promise<Process> {
  const store = await openSqliteStore({ file });
  const life = mortal(clock);
  const executor = new ScriptedExecutor(life.clock);
  const committer = createCommitter({ store, onFatal: () => {} });
  const notices: JobNotice[] = [];
  const delivered: DeliveryRecord[] = [];
  const logged: string[] = [];
  const watching = { isWatched: (_: Id): boolean => false };
  const log = (details: object, message: string): void => {
    if (life.isAlive()) logged.push(`${message} ${inspect(details)}`);
  };
  const named = new Map(Object.entries(options.named ?? {}));
  const changed = new Set<(organization: Id, name: string) => void>();
  const namedLimits: NamedLimits = {
    settingsOf(_, name) {
      const said = named.get(name);
      return said === undefined ? null : limitSettings('custom', said);
    },
    onChanged(listener) {
      changed.add(listener);
      return () => changed.delete(listener);
    },
  };
  const seed = 7;
  const recorder =
    options.recording === undefined
      ? undefined
      : createRecorder({
          file: options.recording,
          maxBytes: 10_000_000,
          clock: life.clock,
          rules: {
            ...namedLimits,
            destinationPace: () => ({ ...DEFAULT_PACE, ...options.pace }),
            weightOf: () => 1,
          },
          header: {
            seed,
            circuit: options.circuit ?? null,
            liveRegions: 'any',
            caps: {},
            idempotencyWindowMs: 86_400_000,
            backlog: 0,
          },
          taught: [],
          onError: (error) => log({ error }, 'recording'),
        });
  const dispatcher = createDispatcher({
    store,
    tap: recorder,
    committer: {
      write: (operation) =>
        life.isAlive() ? committer.write(operation) : new Promise<Verdict>(() => {}),
    },
    executor: recorder?.watching(executor) ?? executor,
    clock: life.clock,
    settings: () => ({ ...DEFAULT_PACE, ...options.pace }),
    namedLimits,
    circuit: options.circuit ?? null,
    divided: {
      partsOf: () => options.parts ?? 1,
      find: () => null,
      pausedUntil: () => null,
      pause: () => undefined,
      onRead: () => undefined,
    },
    liveRegions: () => 'any',
    notices: {
      publish: (notice) => notices.push(notice),
      isWatched: (id) => watching.isWatched(id),
    },
    deliverer: { offer: (deliveries) => delivered.push(...deliveries) },
    random: recorder === undefined ? () => 0.5 : createChance(seed),
    newToken: () => {
      tokens += 1;
      return `token-${tokens}`;
    },
    logger: { warn: log, error: log },
    limits: options.limits ?? {},
  });
  const setLimit: Process['setLimit'] = (name, settings) => {
    if (settings === null) named.delete(name);
    else named.set(name, settings);
    for (const listener of changed) listener(ORGANIZATION.id, name);
  };
  const { kill } = life;
  const endRecording = async (): Promise<void> => recorder?.close();
  return {
    store,
    executor,
    dispatcher,
    notices,
    delivered,
    logged,
    watching,
    setLimit,
    kill,
    endRecording,
  };
}

/** A clock whose timers die with the process that set them. */
function mortal(clock: FakeClock): { clock: Clock; isAlive: () => boolean; kill: () => void } {
  let isAlive = true;
  return {
    isAlive: () => isAlive,
    kill: () => {
      isAlive = false;
    },
    clock: {
      // A wall clock counts whole milliseconds; the script's time may stand between two.
      now: () => Math.floor(clock.now()),
      monotonic: () => clock.monotonic(),
      after: (ms, callback) =>
        clock.after(ms, () => {
          if (isAlive) callback();
        }),
    },
  };
}
