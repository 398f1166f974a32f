// A world in virtual time: destinations, limits, accounts and trouble by chance, and a dispatcher that works in it.

import {
  createChance,
  DEFAULT_CIRCUIT,
  DEFAULT_PACE,
  type Id,
  idempotencyClaim,
  type LimitSettings,
  limitSettings,
  PACE_LAW,
  type PathSpec,
} from '@ezthrottle/engine';
import { API_KEY, newSpec, nextId, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { createExplain, explainJobRoute } from '../../src/api/jobs/explain-job.ts';
import type { Call } from '../../src/api/route.ts';
import { createCommitter } from '../../src/commit/committer.ts';
import type { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { createDispatcher } from '../../src/dispatch/paced-dispatcher.ts';
import { sha256 } from '../../src/dispatch/sha256.ts';
import { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { type ScriptedAnswer, ScriptedExecutor, SECOND_API_KEY } from '../dispatch-harness.ts';
import { objectOf } from '../running-server.ts';

export interface SubmittedJob {
  readonly id: Id;
  readonly url: string;
  /** Of the slowest of its keys, in milliseconds. */
  readonly interval: number;
}

/** What `explain` said of a job that waits. Times are milliseconds on the world's clock. */
export interface Explained {
  readonly startsAt: number;
  readonly confidence: string;
}

interface Destination {
  readonly origin: string;
  readonly rate: number;
  readonly slots: number;
  readonly callMs: number;
  /** What befalls its calls until its peace comes. */
  readonly trouble: 'none' | 'down' | 'unavailable' | 'refuses';
}

const [PATH] = newSpec({}).paths;
const START_AT = Date.UTC(2026, 0, 1);
const ORIGINS = ['https://one.example', 'https://two.example', 'https://three.example'] as const;
const TROUBLES = ['none', 'none', 'none', 'down', 'unavailable', 'refuses'] as const;

export class World {
  readonly clock: VirtualClock = new VirtualClock(START_AT);
  /** Of all destinations together, in calls a second. */
  readonly perSecond: number;
  readonly #random: () => number;
  readonly #executor = new ScriptedExecutor(this.clock);
  readonly #destinations: readonly Destination[];
  readonly #limits: ReadonlyMap<string, LimitSettings>;
  #isPeaceful = false;
  #store: Awaited<ReturnType<typeof openSqliteStore>> | null = null;
  #dispatcher: Dispatcher | null = null;
  #writes = 0;
  #count = 0;

  /** @param spread How much longer or shorter than the mean a call may take, as a share. */
  constructor(seed: number, spread: number) {
    const random = createChance(seed);
    this.#random = random;
    this.#destinations = ORIGINS.map((origin) => ({
      origin,
      rate: 1 + random() * 19,
      slots: 2 + Math.floor(random() * 14),
      callMs: 50 + random() * 350,
      trouble: pick(TROUBLES, random),
    }));
    this.perSecond = this.#destinations.reduce((sum, { rate }) => sum + rate, 0);
    const pausedUntil = random() < 0.3 ? { paused_until: START_AT + random() * 20_000 } : {};
    const said = {
      calls: { rate: 1 + random() * 10, burst: 1 },
      tokens: { rate: 20 + random() * 80, burst: 20, ...pausedUntil },
      slots: { concurrency: 1 + Math.floor(random() * 4) },
    };
    this.#limits = new Map(
      Object.entries(said).map(([name, one]) => [name, limitSettings('custom', one)]),
    );
    this.#executor.script = ({ url }) => this.#answer(url, spread);
  }

  async start(): Promise<void> {
    const random = this.#random;
    const store = await openSqliteStore({ file: ':memory:' });
    this.#store = store;
    await store.commit([
      { type: 'put_organization', organization: ORGANIZATION },
      { type: 'put_api_key', apiKey: API_KEY },
      { type: 'put_api_key', apiKey: SECOND_API_KEY },
    ]);
    const committer = createCommitter({ store, onFatal: () => undefined });
    const ignore = (): void => undefined;
    const secondWeight = 0.5 + Math.floor(random() * 4) / 2;
    this.#dispatcher = createDispatcher({
      store,
      committer: {
        write: async (operation) => {
          this.#writes += 1;
          const verdict = await committer.write(operation);
          this.#writes -= 1;
          return verdict;
        },
      },
      executor: this.#executor,
      clock: this.clock,
      settings: (origin) => {
        const { rate = 2, slots = 16 } = this.#destination(origin) ?? {};
        return { ...DEFAULT_PACE, ratePerSecond: rate, concurrency: slots, configured: true };
      },
      namedLimits: {
        settingsOf: (_, name) => this.#limits.get(name) ?? null,
        onChanged: () => ignore,
      },
      weightOf: (apiKey) => (apiKey === SECOND_API_KEY.id ? secondWeight : 1),
      circuit: DEFAULT_CIRCUIT,
      liveRegions: () => 'any',
      notices: { publish: ignore, isWatched: () => false },
      deliverer: { offer: ignore },
      random,
      // In no order, as those of a server.
      newToken: () => `${random()} ${random()}`,
      logger: { warn: ignore, error: ignore },
      limits: { paceSaveMs: 1e12 },
    });
    await this.#dispatcher.start();
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  /** From now on nothing goes wrong. */
  peace(): void {
    this.#isPeaceful = true;
  }

  /** Calls that have been sent, in their order: where they went, and when. */
  sent(): readonly { readonly url: string; readonly at: number }[] {
    return this.#executor.sent.map(({ call: { url }, at }) => ({ url, at }));
  }

  /** What the API answers about a job; null: no call of it waits. */
  async explain(id: Id): Promise<Explained | null> {
    const [store, dispatcher] = [this.#store, this.#dispatcher];
    if (store === null || dispatcher === null) throw new Error('the world has not begun');
    const rules = { settingsOf: (_: Id, key: string) => this.#limits.get(key) ?? null };
    const { clock } = this;
    const parts = { jobs: store.jobs, dispatcher, rules, clock, downRegions: () => [] };
    const route = explainJobRoute(createExplain(parts));
    if (route.access === 'public') throw new Error('explain needs a key');
    const answer = await route.handle(callFor(id), {
      organization: ORGANIZATION.id,
      apiKey: API_KEY.id,
      dialect: 'ezthrottle',
      scopes: ['read'],
      keyHash: API_KEY.hash,
      expiresAt: null,
    });
    const told = objectOf('body' in answer ? answer.body : null);
    const startsAt = told['estimated_start'];
    if (typeof startsAt !== 'number') return null;
    return { startsAt: startsAt - START_AT, confidence: String(told['confidence']) };
  }

  /** @param delayedFor Milliseconds before it may start; 0: at once. */
  async submit(delayedFor = 0): Promise<SubmittedJob> {
    const random = this.#random;
    const destination = pick(this.#destinations, random);
    const { origin } = destination;
    const limits = [
      { key: 'calls', cost: 1 },
      { key: 'tokens', cost: 1 + Math.floor(random() * 12) },
      { key: 'slots', cost: 1 },
    ].filter(() => random() < 0.25);
    const url = `${origin}/${this.#count}`;
    this.#count += 1;
    const path: PathSpec = { ...PATH, url, origin, ...(limits.length > 0 && { limits }) };
    const now = this.clock.now();
    const spec = newSpec({
      idempotentKey: url,
      paths: [path],
      userId: `user ${Math.floor(random() * 6)}`,
      priority: Math.floor(random() * 3),
      notBefore: delayedFor > 0 ? now + Math.ceil(delayedFor) : null,
    });
    const apiKey = random() < 0.4 ? SECOND_API_KEY.id : API_KEY.id;
    const organization = ORGANIZATION.id;
    const idempotency = idempotencyClaim(spec, organization, { sha256 });
    const job = { id: nextId(), organization, apiKey, spec, idempotency, createdAt: now };
    const verdict = await this.#dispatcher?.submit(job);
    if (verdict?.verdict !== 'ok') throw new Error('a job was not taken');
    return { id: job.id, url, interval: this.#interval(destination, limits) };
  }

  async advance(ms: number): Promise<void> {
    const { clock } = this;
    const target = clock.monotonic() + ms;
    await this.#settle();
    for (let next = clock.nextAt(); next !== null && next <= target; next = clock.nextAt()) {
      clock.fireNext();
      await this.#settle();
    }
    clock.moveTo(target);
  }

  #destination(origin: string): Destination | undefined {
    return this.#destinations.find((one) => one.origin === origin);
  }

  #answer(url: string, spread: number): ScriptedAnswer {
    const random = this.#random;
    const { callMs = 0, trouble = 'none' } = this.#destination(new URL(url).origin) ?? {};
    const afterMs = callMs * (1 + (random() * 2 - 1) * spread);
    if (this.#isPeaceful) return { afterMs };
    switch (trouble) {
      case 'none':
        return { afterMs };
      case 'down':
        return {
          afterMs,
          outcome: { kind: 'network_error', code: 'unreachable', message: 'nobody is there' },
        };
      case 'unavailable':
        return { afterMs, status: random() < 0.3 ? 503 : 200 };
      case 'refuses': {
        const seconds = 1 + Math.floor(random() * 5);
        const headers = { 'retry-after': String(seconds) };
        return random() < 0.1 ? { afterMs, status: 429, headers } : { afterMs };
      }
    }
  }

  /** What it takes the slowest key to let a call of this cost through. */
  #interval(
    { rate, slots, callMs }: Destination,
    limits: readonly { readonly key: string; readonly cost: number }[],
  ): number {
    const named = limits.map(({ key, cost }) => {
      const { ratePerSecond = Infinity, concurrency = Infinity } =
        this.#limits.get(key)?.pace ?? {};
      return Math.max((cost * 1_000) / ratePerSecond, callMs / concurrency);
    });
    return Math.max(1_000 / rate, callMs / slots, ...named) / (1 - PACE_LAW.headroom);
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < 3 || this.#writes > 0; turn += 1) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
  }
}

function callFor(id: Id): Call {
  return {
    body: undefined,
    params: { id },
    query: {},
    header: () => null,
    requestId: 'foretold',
    onGone: () => undefined,
  };
}

function pick<One>(all: readonly One[], random: () => number): One {
  const one = all[Math.floor(random() * all.length)];
  if (one === undefined) throw new Error('there is nothing to choose from');
  return one;
}
