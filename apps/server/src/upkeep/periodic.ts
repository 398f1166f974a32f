import type { Clock } from '@ezthrottle/engine';
import type { Service } from './service.ts';

export interface PeriodicOptions {
  readonly name: string;
  readonly clock: Clock;
  /** Milliseconds from the end of one round to the beginning of the next. */
  readonly everyMs: number;
  /** One round. A round that fails is told to `onError`; the next one comes all the same. */
  readonly round: () => Promise<unknown>;
  readonly onError: (error: unknown) => void;
  /** Whether it is this node's turn: of several, one does it. Default: always. */
  readonly isOurs?: (() => boolean) | undefined;
}

/**
 * Runs a round again and again, never two at once. The first one comes after `everyMs`, so that a
 * start is not made slower; `stop` waits for the one under way.
 */
export function createPeriodic(options: PeriodicOptions): Service {
  return new Periodic(options);
}

class Periodic implements Service {
  readonly #options: PeriodicOptions;
  #isStarted = false;
  #round: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;

  constructor(options: PeriodicOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  async start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    // A round that began before a stop plans nothing more; it has to end first.
    await this.#round;
    this.#plan();
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#round;
  }

  #plan(): void {
    if (!this.#isStarted || this.#cancelTimer !== null) return;
    this.#cancelTimer = this.#options.clock.after(this.#options.everyMs, () => {
      this.#cancelTimer = null;
      this.#round = this.#run();
    });
  }

  async #run(): Promise<void> {
    const { isOurs, round } = this.#options;
    try {
      if (isOurs?.() !== false) await round();
    } catch (error) {
      this.#options.onError(error);
    }
    this.#round = null;
    this.#plan();
  }
}
