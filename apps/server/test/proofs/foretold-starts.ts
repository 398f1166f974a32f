// Jobs of many worlds in virtual time, each with limits, accounts and priorities of its own: when they
// were foretold to start, and when they did.

import {
  createChance,
  DEFAULT_PACE,
  type Id,
  idempotencyClaim,
  intervalMs,
  limitSettings,
  lineOf,
  type PathSpec,
  rank,
} from '@ezthrottle/engine';
import { API_KEY, newSpec, nextId, ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { createCommitter } from '../../src/commit/committer.ts';
import { createDispatcher, type Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { sha256 } from '../../src/dispatch/sha256.ts';
import { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { ScriptedExecutor, SECOND_API_KEY } from '../dispatch-harness.ts';

export interface ForetoldOptions {
  readonly worlds: number;
  /** Jobs of each world that are there when their starts are foretold, and before. */
  readonly jobs: number;
  readonly seed: number;
  /** How much longer or shorter than the mean a call may take, as a share. Default 0. */
  readonly spread?: number;
  /** Calls that come later, for each one that the limits let through meanwhile. Default 0: none. */
  readonly later?: number;
}

/** A job of which the start was foretold. Times are milliseconds. */
export interface ForetoldJob {
  /** From when it was foretold to its real start. */
  readonly waited: number;
  /** The foretold start less the real one. */
  readonly error: number;
  /** Of the slowest of its keys. */
  readonly interval: number;
}

interface Submitted {
  readonly id: Id;
  readonly url: string;
  readonly apiKey: Id;
  readonly userId: string;
  readonly priority: number;
  readonly path: PathSpec;
  readonly at: number;
}

const [PATH] = newSpec({}).paths;
const START_AT = Date.UTC(2026, 0, 1);
const ORIGINS = ['https://one.example', 'https://two.example', 'https://three.example'] as const;

export async function foretoldJobs(options: ForetoldOptions): Promise<readonly ForetoldJob[]> {
  const all: ForetoldJob[] = [];
  for (let world = 0; world < options.worlds; world += 1) {
    const one = new World(createChance(options.seed + world), options.spread ?? 0);
    try {
      await one.start();
      all.push(...(await one.foretell(options)));
    } finally {
      await one.close();
    }
  }
  return all;
}

/** The share of those that were foretold within a tenth of their wait, or one interval. */
export function shareForetold(jobs: readonly ForetoldJob[]): number {
  const near = jobs.filter(
    ({ waited, error, interval }) => Math.abs(error) <= Math.max(waited / 10, interval),
  );
  return near.length / jobs.length;
}

class World {
  readonly #random: () => number;
  readonly #clock = new VirtualClock(START_AT);
  readonly #executor = new ScriptedExecutor(this.#clock);
  readonly #rates = new Map<string, { readonly rate: number; readonly slots: number }>();
  readonly #limits = new Map<string, { readonly rate: number; readonly burst: number }>();
  readonly #callMs: number;
  #store: Awaited<ReturnType<typeof openSqliteStore>> | null = null;
  #dispatcher: Dispatcher | null = null;
  #writes = 0;
  #count = 0;

  constructor(random: () => number, spread: number) {
    this.#random = random;
    for (const origin of ORIGINS) {
      this.#rates.set(origin, { rate: 1 + random() * 19, slots: 2 + Math.floor(random() * 14) });
    }
    this.#limits.set('calls', { rate: 1 + random() * 10, burst: 1 });
    this.#limits.set('tokens', { rate: 20 + random() * 80, burst: 20 });
    this.#callMs = 50 + random() * 350;
    this.#executor.script = () => ({
      afterMs: this.#callMs * (1 + (random() * 2 - 1) * spread),
    });
  }

  async start(): Promise<void> {
    const store = await openSqliteStore({ file: ':memory:' });
    this.#store = store;
    await store.commit([
      { type: 'put_organization', organization: ORGANIZATION },
      { type: 'put_api_key', apiKey: API_KEY },
      { type: 'put_api_key', apiKey: SECOND_API_KEY },
    ]);
    const committer = createCommitter({ store, onFatal: () => undefined });
    const ignore = (): void => undefined;
    const secondWeight = 0.5 + Math.floor(this.#random() * 4) / 2;
    let tokens = 0;
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
      clock: this.#clock,
      settings: (origin) => {
        const { rate = 2, slots = 16 } = this.#rates.get(origin) ?? {};
        return { ...DEFAULT_PACE, ratePerSecond: rate, concurrency: slots, configured: true };
      },
      namedLimits: {
        settingsOf: (_, name) => {
          const said = this.#limits.get(name);
          return said === undefined ? null : limitSettings('custom', said);
        },
        onChanged: () => ignore,
      },
      weightOf: (apiKey) => (apiKey === SECOND_API_KEY.id ? secondWeight : 1),
      circuit: null,
      liveRegions: () => 'any',
      notices: { publish: ignore, isWatched: () => false },
      deliverer: { offer: ignore },
      random: this.#random,
      newToken: () => {
        tokens += 1;
        return `token ${tokens}`;
      },
      logger: { warn: ignore, error: ignore },
      limits: { paceSaveMs: 1e12 },
    });
    await this.#dispatcher.start();
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  async foretell({ jobs: count, later = 0 }: ForetoldOptions): Promise<readonly ForetoldJob[]> {
    const random = this.#random;
    const jobs: Submitted[] = [];
    for (let n = 0; n < count; n += 1) {
      jobs.push(await this.#submit());
      if (random() < 0.3) await this.#advance(random() * 100);
    }
    await this.#advance(random() * 3_000);
    const wasSent = new Set(this.#executor.sent.map(({ call }) => call.url));
    const askedAt = this.#clock.monotonic();
    const told = new Map<string, { readonly at: number; readonly interval: number }>();
    for (const job of jobs) {
      if (!wasSent.has(job.url)) told.set(job.url, await this.#ask(job));
    }
    const all = [...told.keys()];
    const perSecond = [...this.#rates.values()].reduce((sum, { rate }) => sum + rate, 0);
    for (let sent = 0; sent < all.length; ) {
      if (later > 0) await this.#submit();
      await this.#advance(later > 0 ? 1_000 / (perSecond * later) : 1_000);
      const urls = new Set(this.#executor.sent.map(({ call }) => call.url));
      sent = all.filter((url) => urls.has(url)).length;
    }
    return this.#executor.sent.flatMap(({ call, at }) => {
      const foretold = told.get(call.url);
      if (foretold === undefined) return [];
      const { interval } = foretold;
      return [{ waited: at - askedAt, error: foretold.at - at, interval }];
    });
  }

  async #ask({ id, apiKey, userId, priority, path, at }: Submitted): Promise<{
    readonly at: number;
    readonly interval: number;
  }> {
    const answer = await this.#dispatcher?.forecast({
      organization: ORGANIZATION.id,
      jobId: id,
      leg: 0,
      line: lineOf(path),
      apiKey,
      userId,
      rank: rank(priority, at),
      readyAt: at,
    });
    if (answer === undefined || answer.startsAt === null) throw new Error('nothing was foretold');
    const intervals = answer.keys.map(({ pacer, cost }) => intervalMs(pacer.pace) * cost);
    const { slots = 1 } = this.#rates.get(path.origin) ?? {};
    return { at: answer.startsAt, interval: Math.max(...intervals, this.#callMs / slots) };
  }

  async #submit(): Promise<Submitted> {
    const random = this.#random;
    const origin = ORIGINS[Math.floor(random() * ORIGINS.length)] ?? ORIGINS[0];
    const limits = [
      { key: 'calls', cost: 1 },
      { key: 'tokens', cost: 1 + Math.floor(random() * 12) },
    ].filter(() => random() < 0.3);
    const url = `${origin}/${this.#count}`;
    this.#count += 1;
    const path: PathSpec = { ...PATH, url, origin, ...(limits.length > 0 && { limits }) };
    const userId = `user ${Math.floor(random() * 6)}`;
    const priority = Math.floor(random() * 3);
    const spec = newSpec({ idempotentKey: url, paths: [path], userId, priority });
    const apiKey = random() < 0.4 ? SECOND_API_KEY.id : API_KEY.id;
    const organization = ORGANIZATION.id;
    const idempotency = idempotencyClaim(spec, organization, { sha256 });
    const id = nextId();
    const at = this.#clock.now();
    const job = { id, organization, apiKey, spec, idempotency, createdAt: at };
    const verdict = await this.#dispatcher?.submit(job);
    if (verdict?.verdict !== 'ok') throw new Error('a job was not taken');
    return { id, url, apiKey, userId, priority, path, at };
  }

  async #advance(ms: number): Promise<void> {
    const clock = this.#clock;
    const target = clock.monotonic() + ms;
    await this.#settle();
    for (let next = clock.nextAt(); next !== null && next <= target; next = clock.nextAt()) {
      clock.fireNext();
      await this.#settle();
    }
    clock.moveTo(target);
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < 3 || this.#writes > 0; turn += 1) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
  }
}
