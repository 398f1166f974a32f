import { hash } from 'node:crypto';
import {
  destinationLimit,
  type LimitSettingsRequest,
  parseLimitKey,
} from '@ezthrottle/core/protocol';
import { createChance, DEFAULT_PACE, idempotencyClaim, limitSettings } from '@ezthrottle/engine';
import type { Id, LimitSettings, Operation, Store } from '@ezthrottle/engine';
import { createCommitter } from '../commit/committer.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import { createDispatcher } from '../dispatch/paced-dispatcher.ts';
import { sha256 } from '../dispatch/sha256.ts';
import { recordedSettings } from '../recording/recorded-line.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { callName, type RecordedInput, type Recording } from './read-recording.ts';
import { ReplayExecutor, type ReplayedStart } from './replay-executor.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Other limits for a replay, by key; null: as if there were none. */
export type LimitOverrides = ReadonlyMap<string, LimitSettingsRequest | null>;

export interface Replay {
  readonly starts: readonly ReplayedStart[];
  /** Calls of which the recording knows no end. */
  readonly assumed: number;
  /** Jobs that had not ended when nothing more was looked at. */
  readonly unfinished: number;
  /** Changes of limits that were left out because another value was given. */
  readonly leftOut: number;
}

/** How long the replay goes on after what was recorded, in milliseconds of its own time. */
const MOST_AFTER_MS = 604_800_000;
/** Moments between two looks whether all jobs have ended. */
const LOOK_EVERY = 256;
/** Nothing reads what was learned: it need not be written down. */
const NEVER_MS = 1e12;
/** Time of a call of whose origin the recording knows none. */
const UNKNOWN_CALL_MS = 200;

/** Runs what was recorded through the server's own dispatcher, in virtual time and with a store in memory. */
export async function replay(recording: Recording, overrides: LimitOverrides): Promise<Replay> {
  const store = await openSqliteStore({ file: ':memory:' });
  try {
    return await new Run(recording, overrides, store).run();
  } finally {
    await store.close();
  }
}

class Run {
  readonly #recording: Recording;
  readonly #overrides: LimitOverrides;
  readonly #store: Store;
  readonly #clock: VirtualClock;
  readonly #executor: ReplayExecutor;
  readonly #dispatcher: Dispatcher;
  readonly #limits = new Map<string, LimitSettings>();
  readonly #weights = new Map<Id, number>();
  readonly #origins = new Set<(organization: Id, origin: string) => void>();
  readonly #named = new Set<(organization: Id, key: string) => void>();
  /** Limits of which the recording has spoken. */
  readonly #met = new Set<string>();
  #writes = 0;
  #leftOut = 0;

  constructor(recording: Recording, overrides: LimitOverrides, store: Store) {
    const { header, calls } = recording;
    const clock = new VirtualClock(header.wall);
    this.#recording = recording;
    this.#overrides = overrides;
    this.#store = store;
    this.#clock = clock;
    this.#executor = new ReplayExecutor({
      clock,
      callOf: (job, attempt) => calls.get(callName(job, attempt)) ?? null,
      usualMs: usualTimes(recording),
    });
    const committer = createCommitter({
      store,
      onFatal: (error) => {
        throw error;
      },
    });
    const chance = createChance(header.seed);
    let tokens = 0;
    const ignore = (): void => undefined;
    this.#dispatcher = createDispatcher({
      store,
      committer: {
        write: async (operation) => {
          this.#writes += 1;
          try {
            return await committer.write(operation);
          } finally {
            this.#writes -= 1;
          }
        },
      },
      executor: this.#executor,
      clock,
      settings: (origin, organization) =>
        this.#limits.get(place(organization, destinationLimit(origin)))?.pace ?? DEFAULT_PACE,
      edits: {
        pausedUntil: (organization, origin) =>
          this.#limits.get(place(organization, destinationLimit(origin)))?.pausedUntil ?? null,
        onChanged: listening(this.#origins),
      },
      namedLimits: {
        settingsOf: (organization, key) => this.#limits.get(place(organization, key)) ?? null,
        onChanged: listening(this.#named),
      },
      weightOf: (apiKey) => this.#weights.get(apiKey) ?? 1,
      caps: new Map(Object.entries(header.caps)),
      circuit: header.circuit,
      liveRegions: () => header.liveRegions,
      notices: { publish: ignore, isWatched: () => false },
      deliverer: { offer: ignore },
      random: chance,
      newToken: () => {
        tokens += 1;
        return `replayed-${tokens}`;
      },
      logger: { warn: ignore, error: ignore },
      idempotencyWindowMs: header.idempotencyWindowMs,
      limits: { paceSaveMs: NEVER_MS },
    });
  }

  async run(): Promise<Replay> {
    const { inputs, taught, endsAt } = this.#recording;
    await this.#prepare(inputs);
    if (taught.length > 0) await this.#store.commit([{ type: 'put_pace', rows: taught }]);
    await this.#dispatcher.start();
    for (let next = 0; next < inputs.length; ) {
      const at = inputs[next]?.t ?? 0;
      await this.#moveTo(at);
      for (let input = inputs[next]; input?.t === at; input = inputs[next]) {
        next += 1;
        await this.#apply(input);
      }
    }
    await this.#toEnd(endsAt + MOST_AFTER_MS);
    const { starts, assumed } = this.#executor;
    return { starts, assumed, unfinished: await this.#unfinished(), leftOut: this.#leftOut };
  }

  /** Organizations and API keys exist before their jobs. */
  async #prepare(inputs: readonly RecordedInput[]): Promise<void> {
    const organizations = new Map<Id, Operation>();
    const apiKeys = new Map<Id, Operation>();
    for (const input of inputs) {
      if (input.type !== 'submit') continue;
      const { organization: id, apiKey } = input;
      const organization = { id, name: id, createdAt: 0 };
      organizations.set(id, { type: 'put_organization', organization });
      if (!apiKeys.has(apiKey)) apiKeys.set(apiKey, apiKeyOperation(apiKey, id));
    }
    await this.#store.commit([...organizations.values(), ...apiKeys.values()]);
    // Limits that there were not, too.
    for (const [key, wanted] of this.#overrides) {
      if (wanted === null || parseLimitKey(key)?.kind === 'destination') continue;
      for (const id of organizations.keys()) {
        this.#limits.set(place(id, key), limitSettings('custom', wanted));
      }
    }
  }

  async #apply(input: RecordedInput): Promise<void> {
    switch (input.type) {
      case 'submit': {
        const { id, organization, apiKey, createdAt } = input;
        const spec = { ...input.spec, idempotentKey: `recorded ${id}` };
        const idempotency = idempotencyClaim(spec, organization, { sha256 });
        const job = { id, organization, apiKey, spec, idempotency, createdAt };
        void this.#dispatcher.submit(job);
        break;
      }
      case 'cancel':
        void this.#dispatcher.cancel(input.organization, input.id);
        break;
      case 'limit': {
        const { organization, key } = input;
        this.#putLimit(organization, key, input.isGone === true ? null : recordedSettings(input));
        break;
      }
      case 'weight':
        this.#putWeight(input.apiKey, input.weight);
    }
    await this.#settle();
  }

  #putLimit(organization: Id, key: string, recorded: LimitSettings | null): void {
    const wanted = this.#overrides.get(key);
    const isFirst = !this.#met.has(place(organization, key));
    this.#met.add(place(organization, key));
    if (wanted !== undefined && !isFirst) {
      this.#leftOut += 1;
      return;
    }
    const settings = wanted === undefined ? recorded : overridden(key, wanted, recorded);
    if (settings === null) this.#limits.delete(place(organization, key));
    else this.#limits.set(place(organization, key), settings);
    const parsed = parseLimitKey(key);
    if (parsed?.kind === 'destination') {
      for (const listener of this.#origins) listener(organization, parsed.origin);
    } else {
      for (const listener of this.#named) listener(organization, key);
    }
  }

  #putWeight(apiKey: Id, weight: number): void {
    const wanted = this.#overrides.get(`api-key:${apiKey}`);
    this.#weights.set(apiKey, wanted === undefined ? weight : (wanted?.weight ?? 1));
  }

  /** Does what is due until then, and what that makes due. */
  async #moveTo(at: number): Promise<void> {
    for (
      let next = this.#clock.nextAt();
      next !== null && next <= at;
      next = this.#clock.nextAt()
    ) {
      this.#clock.fireNext();
      await this.#settle();
    }
    this.#clock.moveTo(at);
  }

  async #toEnd(last: number): Promise<void> {
    for (let moments = 0; ; moments += 1) {
      if (moments % LOOK_EVERY === 0 && (await this.#unfinished()) === 0) return;
      const next = this.#clock.nextAt();
      if (next === null || next > last) return;
      this.#clock.fireNext();
      await this.#settle();
    }
  }

  /** Until nothing runs but what waits for a timer. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < 3 || this.#writes > 0; turn += 1) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  async #unfinished(): Promise<number> {
    const { pending, scheduled, processing } = await this.#store.jobs.counts();
    return pending + scheduled + processing;
  }
}

/** @returns Null: as if there were no such limit. */
function overridden(
  key: string,
  wanted: LimitSettingsRequest | null,
  recorded: LimitSettings | null,
): LimitSettings | null {
  const parsed = parseLimitKey(key);
  if (wanted === null || parsed === null) return null;
  const settleHeader = recorded?.settleHeader;
  const base = parsed.kind === 'destination' ? recorded?.pace : undefined;
  // What calls have really cost is known as it was recorded, and no other way.
  const {
    settleHeader: _header,
    settlePath: _path,
    ...settings
  } = limitSettings(parsed.kind, wanted, base);
  return { ...settings, ...(settleHeader !== undefined && { settleHeader }) };
}

function place(organization: Id, key: string): string {
  return `${organization} ${key}`;
}

function listening<Listener>(listeners: Set<Listener>): (listener: Listener) => () => void {
  return (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
}

function apiKeyOperation(id: Id, organization: Id): Operation {
  return {
    type: 'put_api_key',
    apiKey: {
      id,
      organization,
      name: id,
      hash: hash('sha256', id),
      dialect: 'ezthrottle',
      createdAt: 0,
      expiresAt: null,
      scopes: ['submit'],
      hint: null,
      previous: null,
      lastUsedAt: null,
      revokedAt: null,
    },
  };
}

/** The median of the times of each origin's calls. */
function usualTimes({ calls, starts }: Recording): (origin: string) => number {
  const times = new Map<string, number[]>();
  for (const { job, attempt, origin } of starts) {
    const call = calls.get(callName(job, attempt));
    if (call?.outcome.kind !== 'response') continue;
    const known = times.get(origin) ?? [];
    known.push(call.tookMs);
    times.set(origin, known);
  }
  const medians = new Map(
    [...times].map(([origin, all]) => [
      origin,
      all.toSorted((first, second) => first - second)[Math.floor(all.length / 2)],
    ]),
  );
  return (origin) => medians.get(origin) ?? UNKNOWN_CALL_MS;
}
