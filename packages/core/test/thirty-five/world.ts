import { EZThrottle, Step, type EZThrottleOptions } from '@ezthrottle/core';
import { decodeDelivery, type Delivery, type WorkClaim } from '@ezthrottle/core/webhooks';
import { jobServer, listen, submitted, type Loopback } from '../loopback.ts';

/** An address that webhooks arrive at. */
export const HOOK = 'https://app.example/hook';
const WEBHOOK_SECRET = 'a secret of some length';

/** A server that takes jobs and a target that answers with the status its path names. */
export interface World extends AsyncDisposable {
  readonly server: Loopback;
  readonly target: Loopback;
  client(options?: EZThrottleOptions): EZThrottle;
  /** A step that calls the target, for example at `a500`. */
  step(path: string, client?: EZThrottle): Step;
  /** What was submitted, in order. */
  jobs(): readonly { readonly [key: string]: unknown }[];
  /** What the target was asked for, in order. */
  calls(): readonly string[];
}

export async function createWorld(): Promise<World> {
  const server = await listen(jobServer());
  const target = await listen(({ path }) => {
    if (path.endsWith('hang')) return { status: 200, hang: true };
    if (path.endsWith('cut')) return { status: 200, cut: true };
    return { status: Number(path.slice(-3)), body: { path } };
  });
  const client = (options: EZThrottleOptions = {}): EZThrottle =>
    new EZThrottle({
      apiKey: 'key',
      baseUrl: server.url,
      retry: false,
      webhookSecret: WEBHOOK_SECRET,
      ...options,
    });
  return {
    server,
    target,
    client,
    step: (path, by = client()) => new Step(by).url(`${target.url}/${path}`),
    jobs: () => submitted(server),
    calls: () => target.seen.map(({ path }) => path.slice(1)),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    },
  };
}

/** The delivery of a submitted job's end, as the server would send it. */
export function deliveryOf(
  job: { readonly [key: string]: unknown },
  status: string = 'success',
): Delivery {
  const { metadata, idempotent_key = 'k' } = job;
  const decoded = decodeDelivery({ job_id: 'job-1', idempotent_key, status, metadata });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.problems));
  return decoded.delivery;
}

/** A receiver's memory: what was done once is done. */
export function createContext(): {
  claim(id: string): Promise<WorkClaim>;
  readonly signal: AbortSignal;
} {
  const done = new Set<string>();
  return {
    signal: new AbortController().signal,
    async claim(id) {
      if (done.has(id)) return { state: 'done' };
      return {
        state: 'acquired',
        commit: async () => void done.add(id),
        release: async () => undefined,
      };
    },
  };
}

export function errorOf(call: () => unknown): Promise<unknown> {
  return Promise.resolve()
    .then(call)
    .then(
      () => new Error('it succeeded'),
      (error: unknown) => error,
    );
}
