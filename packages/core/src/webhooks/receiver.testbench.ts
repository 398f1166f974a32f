import { signWebhook } from '../protocol/sign-webhook.ts';
import type { ReceiverAnswer } from './receiver-answer.ts';
import type { ReceiverOptions } from './receiver-options.ts';
import type { ReceiverRequest } from './receiver-request.ts';
import { createReceiver, type Receiver } from './receiver.ts';

/** What receivers of tests are tried with. */
export const secret: string = 'the secret of these tests';

/** A clock that moves when it is told to. */
export class ManualClock {
  #time = 1_763_674_210_000;
  readonly #timers = new Map<() => void, number>();

  readonly now = (): number => this.#time;

  readonly after = (delayMs: number, callback: () => void): (() => void) => {
    this.#timers.set(callback, this.#time + delayMs);
    return () => this.#timers.delete(callback);
  };

  get waiting(): number {
    return this.#timers.size;
  }

  pass(ms: number): void {
    this.#time += ms;
    for (const [callback, dueAt] of this.#timers) {
      if (dueAt > this.#time) continue;
      this.#timers.delete(callback);
      callback();
    }
  }
}

export interface Bench {
  readonly receiver: Receiver;
  readonly clock: ManualClock;
  readonly errors: unknown[];
  readonly refusals: string[];
  readonly send: (payload: object, change?: Partial<ReceiverRequest>) => Promise<ReceiverAnswer>;
}

export function open(options: Partial<ReceiverOptions> = {}): Bench {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const refusals: string[] = [];
  const receiver = createReceiver({
    secrets: secret,
    now: clock.now,
    after: clock.after,
    onError: (error) => errors.push(error),
    onRefused: ({ code }) => refusals.push(code),
    ...options,
  });
  const send: Bench['send'] = (payload, change = {}) => {
    const body = new TextEncoder().encode(JSON.stringify(payload));
    return receiver.receive({ method: 'POST', body, header: signed(body, clock), ...change });
  };
  return { receiver, clock, errors, refusals, send };
}

export function signed(
  body: Uint8Array,
  clock: ManualClock,
  key: string = secret,
): ReceiverRequest['header'] {
  const timestampSeconds = Math.floor(clock.now() / 1000);
  const value = signWebhook({ body, secret: key, timestampSeconds });
  return (name) => (name.toLowerCase() === 'x-ezthrottle-signature' ? value : null);
}

export function delivery(id: string, rest: object = {}): object {
  return { delivery_id: id, job_id: 'job', idempotent_key: 'key', status: 'success', ...rest };
}

/** Lets promises settle that wait on nothing but each other. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Something that handlers wait for until the test opens it. */
export function makeGate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

export const received: Partial<ReceiverAnswer> = { status: 200, body: '{"status":"received"}' };
export const duplicate: Partial<ReceiverAnswer> = { status: 200, body: '{"status":"duplicate"}' };
