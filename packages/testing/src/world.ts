import type { Runtime } from '@ezthrottle/core';
import { createChance, type Id, type JobRecord, readJobView } from '@ezthrottle/engine';
import type { JobView } from '@ezthrottle/core';
import type { LimitSettingsRequest } from '@ezthrottle/core/protocol';
import { answerApi } from './api/api.ts';
import type { ApiRoute } from './api/api-call.ts';
import { endpointRoutes } from './api/endpoint-routes.ts';
import { jobRoutes } from './api/job-routes.ts';
import { limitRoutes } from './api/limit-routes.ts';
import { openSecret, putSecrets, secretRoutes } from './api/secret-routes.ts';
import { signingKeyRoutes } from './api/signing-key-routes.ts';
import { streamRoute } from './api/stream-route.ts';
import { createIds } from './seeded-ids.ts';
import { sha256Hex } from './digest.ts';
import { checkLimit } from './limits/check-limit.ts';
import { LimitBook } from './limits/limit-book.ts';
import { Activity } from './network/activity.ts';
import { fetchLocally } from './network/local-fetch.ts';
import { Network } from './network/network.ts';
import { DeliveryRunner } from './run/delivery-runner.ts';
import { JobRunner } from './run/job-runner.ts';
import { Loop } from './run/loop.ts';
import { MemoryStore } from './store/memory-store.ts';
import { TestServerError } from './test-server-error.ts';
import type { TestServerSettings } from './test-server-options.ts';
import { VirtualClock } from './time/virtual-clock.ts';

/** Under `.test`, which no real name ever is. */
export const API_ORIGIN = 'http://ezthrottle.test';

/** The parts of a server for tests, put together. */
export class World {
  readonly clock: VirtualClock;
  readonly store: MemoryStore = new MemoryStore();
  readonly activity: Activity = new Activity();
  readonly network: Network;
  readonly loop: Loop;
  readonly runtime: Runtime;
  readonly #newId: () => Id;
  readonly #routes: readonly ApiRoute[];

  constructor(settings: TestServerSettings) {
    const clock = new VirtualClock(settings.startAt);
    const random = createChance(settings.seed);
    const newId = createIds(() => clock.now(), random);
    const network = new Network(clock, this.activity);
    const { store, activity } = this;
    const { liveRegions, idempotencyWindowMs, schedule } = settings;
    const now = (): number => clock.now();
    const owner = provision(store, settings, newId);
    const { organization } = owner;
    const limits = new LimitBook({ store, organization, now, paceOf: settings.settings });
    putLimits(limits, settings.limits);
    const parts = {
      store,
      clock,
      network,
      liveRegions,
      limits: limits.settings,
      idempotencyWindowMs,
      schedule,
      random,
      settings: settings.settings,
      newToken: newId,
      signersOf: (id: Id) => signersIn(store, id),
    };
    const jobs = new JobRunner(parts);
    const deliveries = new DeliveryRunner(parts);
    limits.onChanged((key) => jobs.limitChanged(organization, key));
    this.clock = clock;
    this.network = network;
    this.#newId = newId;
    this.loop = new Loop({ store, clock, activity, jobs, deliveries });
    this.#routes = [
      ...jobRoutes({
        store,
        jobs,
        limits: limits.settings,
        newId,
        now,
        idempotencyWindowMs,
        ...owner,
      }),
      streamRoute({ store, organization, clock, activity }),
      ...limitRoutes({
        store,
        organization,
        limits,
        clock,
        stateOf: (key) => jobs.limitState(organization, key),
      }),
      ...signingKeyRoutes({ store, organization, now, random }),
      ...secretRoutes({ store, now, organization }),
      ...endpointRoutes({ store, now, organization }),
    ];
    this.runtime = {
      now,
      monotonic: () => clock.monotonic(),
      after: (delayMs, callback) => this.#parkedTimer(delayMs, callback),
      random,
      createId: newId,
      fetch: (url, init) => this.fetch(url, init),
    };
  }

  /** The API, and scripted targets, by their addresses. */
  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const { clock, activity, network, store } = this;
    activity.touch();
    const isApi = new URL(request.url).origin === API_ORIGIN;
    if (isApi && network.targetOf(request.url) === null) {
      request.signal.throwIfAborted();
      const parts = { store, routes: this.#routes, newId: this.#newId, now: () => clock.now() };
      return await answerApi(request, parts);
    }
    return await fetchLocally(request, { network, clock, activity });
  }

  async jobView(id: Id): Promise<JobView | null> {
    const job: JobRecord | null = this.store.jobs.record(id);
    return job === null ? null : await readJobView(job, this.store.jobs);
  }

  /** A timer for which code of the test waits. */
  #parkedTimer(delayMs: number, callback: () => void): () => void {
    const unpark = this.activity.park();
    const stop = this.clock.after(delayMs, () => {
      unpark();
      callback();
    });
    return () => {
      stop();
      unpark();
    };
  }
}

/** @throws {TestServerError} `invalid_limit` with everything that is wrong. */
function putLimits(
  limits: LimitBook,
  wanted: Readonly<Record<string, LimitSettingsRequest>>,
): void {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(wanted)) {
    const limit = checkLimit(name, value);
    if (limit.ok) limits.change(limit.key, () => limit.said);
    else
      for (const { path, expected } of limit.problems)
        problems.push(`${name}.${path}: ${expected}`);
  }
  if (problems.length === 0) return;
  throw new TestServerError('invalid_limit', `Of limits expected ${problems.join(', ')}.`);
}

/** As the server: the former secret and the signing keys sign for Standard Webhooks as well. */
function signersIn(
  store: MemoryStore,
  organization: Id,
): { readonly secret: string | null; readonly furtherKeys: readonly string[] } {
  const stored = store.tenancy.secretsOf(organization);
  const former = stored?.secondary ?? null;
  const seeds = store.tenancy.keysOf(organization).map(({ seed }) => openSecret(seed));
  return {
    secret: stored === null ? null : openSecret(stored.primary),
    furtherKeys: former === null ? seeds : [openSecret(former), ...seeds],
  };
}

function provision(
  store: MemoryStore,
  { apiKey, signingSecret, startAt: createdAt }: TestServerSettings,
  newId: () => Id,
): { readonly organization: Id; readonly apiKeyId: Id } {
  const organization = newId();
  const apiKeyId = newId();
  const name = 'test';
  store.commitNow({
    type: 'put_organization',
    organization: { id: organization, name, createdAt },
  });
  store.commitNow({
    type: 'put_api_key',
    apiKey: {
      id: apiKeyId,
      organization,
      name,
      createdAt,
      hash: sha256Hex(apiKey),
      dialect: 'ezthrottle',
      expiresAt: null,
      scopes: ['submit', 'read', 'manage'],
      hint: null,
      previous: null,
      lastUsedAt: null,
      revokedAt: null,
    },
  });
  store.commitNow(putSecrets(organization, signingSecret, createdAt));
  return { organization, apiKeyId };
}
