/** What the SDK takes from the machine it runs on; tests give their own. */
export interface Runtime {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonic(): number;
  /** Calls back once, at least `delayMs` later. The returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  /** From 0 up to 1. */
  random(): number;
  /** A new UUID. */
  createId(): string;
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** The longest delay that timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

const systemRuntime: Runtime = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  createId: () => crypto.randomUUID(),
  // Looked up at each call: tracing tools put their own in its place.
  fetch: (url, init) => globalThis.fetch(url, init),
};

interface RuntimeChoice {
  readonly fetch?: Runtime['fetch'] | undefined;
  readonly dispatcher?: object | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** The system's runtime, with what an application puts in its place. */
export function runtimeOf({ fetch, dispatcher, runtime }: RuntimeChoice): Runtime {
  return {
    ...systemRuntime,
    fetch(url, init) {
      const given = dispatcher === undefined ? init : Object.assign(init, { dispatcher });
      // Called as a function of its own: some runtimes' `fetch` refuses to be anybody's method.
      return fetch === undefined ? systemRuntime.fetch(url, given) : fetch(url, given);
    },
    ...runtime,
  };
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export function sleep(runtime: Runtime, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = (): void => {
      cancel();
      if (signal !== undefined) reject(abortReason(signal));
    };
    const cancel = runtime.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** An aborted signal's reason, as an error. */
export function abortReason(signal: AbortSignal): Error {
  const { reason }: { readonly reason: unknown } = signal;
  return reason instanceof Error ? reason : new DOMException('The call was aborted.', 'AbortError');
}
