import type { Runtime } from '@ezthrottle/core';
import { type Id, type JobRecord, readJobView } from '@ezthrottle/engine';
import type { JobView } from '@ezthrottle/core';
import { answerApi } from './api/api.ts';
import type { ApiRoute } from './api/api-call.ts';
import { jobRoutes } from './api/job-routes.ts';
import { openSecret, putSecrets, secretRoutes } from './api/secret-routes.ts';
import { createIds, createRandom } from './chance.ts';
import { sha256Hex } from './digest.ts';
import { Activity } from './network/activity.ts';
import { fetchLocally } from './network/local-fetch.ts';
import { Network } from './network/network.ts';
import { DeliveryRunner } from './run/delivery-runner.ts';
import { JobRunner } from './run/job-runner.ts';
import { Loop } from './run/loop.ts';
import { MemoryStore } from './store/memory-store.ts';
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
    const random = createRandom(settings.seed);
    const newId = createIds(() => clock.now(), random);
    const network = new Network(clock, this.activity);
    const { store, activity } = this;
    const { liveRegions, limits, idempotencyWindowMs, schedule } = settings;
    const parts = {
      store,
      clock,
      network,
      liveRegions,
      limits,
      idempotencyWindowMs,
      schedule,
      random,
      settings: settings.settings,
      newToken: newId,
      secretOf: (organization: Id): string | null => {
        const stored = store.tenancy.secretsOf(organization);
        return stored === null ? null : openSecret(stored.primary);
      },
    };
    const jobs = new JobRunner(parts);
    const deliveries = new DeliveryRunner(parts);
    const owner = provision(store, settings, newId);
    const now = (): number => clock.now();
    this.clock = clock;
    this.network = network;
    this.#newId = newId;
    this.loop = new Loop({ store, clock, activity, jobs, deliveries });
    this.#routes = [
      ...jobRoutes({ store, jobs, limits, newId, now, idempotencyWindowMs, ...owner }),
      ...secretRoutes({ store, now, organization: owner.organization }),
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
    },
  });
  store.commitNow(putSecrets(organization, signingSecret, createdAt));
  return { organization, apiKeyId };
}
