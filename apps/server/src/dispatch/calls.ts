import type { ArmedRef, KeyUse } from '@ezthrottle/engine';
import type { Lane } from './lane.ts';

/** A call that is under way: it holds a slot of each of its keys until it is reported. */
export interface RunningCall extends ArmedRef {
  readonly lane: Lane;
  readonly region: string;
  /** What it has taken from its keys, its destination's first. */
  readonly uses: readonly KeyUse[];
  /** When it was handed over, in milliseconds since the epoch: the start that is told and kept. */
  readonly startedAt: number;
  /** When its first byte went out, in milliseconds since the epoch; null while it waits for a connection. */
  sentAt: number | null;
}

/** Every call under way, by its token. */
export class RunningCalls {
  readonly #calls = new Map<string, RunningCall>();

  get size(): number {
    return this.#calls.size;
  }

  values(): Iterable<RunningCall> {
    return this.#calls.values();
  }

  tokens(): string[] {
    return [...this.#calls.keys()];
  }

  add(call: RunningCall): void {
    this.#calls.set(call.token, call);
  }

  take(token: string): RunningCall | undefined {
    const call = this.#calls.get(token);
    this.#calls.delete(token);
    return call;
  }

  get(token: string): RunningCall | undefined {
    return this.#calls.get(token);
  }

  has(token: string): boolean {
    return this.#calls.has(token);
  }
}
