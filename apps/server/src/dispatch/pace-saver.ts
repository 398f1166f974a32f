import type { DispatchLimits } from './dispatch-limits.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { Destinations, PaceRow } from './destinations.ts';

export interface PaceSaverOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'committer' | 'logger'>;
  readonly destinations: Destinations;
  readonly limits: Pick<DispatchLimits, 'paceSaveMs' | 'paceKeptMs' | 'batchRows'>;
}

/** Writes down what destinations have taught, every now and then, so that it survives. */
export class PaceSaver {
  readonly #options: PaceSaverOptions;
  #stopTimer: (() => void) | null = null;
  #isRunning = false;

  constructor(options: PaceSaverOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
    this.#plan();
  }

  stop(): void {
    this.#isRunning = false;
    this.#stopTimer?.();
  }

  /** Never rejects: what could not be written is told to the log. */
  async write(rows: readonly PaceRow[]): Promise<void> {
    await this.#unlessRefused(() => this.put(rows));
  }

  async put(rows: readonly PaceRow[]): Promise<void> {
    const { limits, parts } = this.#options;
    for (let start = 0; start < rows.length; start += limits.batchRows) {
      const batch = rows.slice(start, start + limits.batchRows);
      await parts.committer.write({ type: 'put_pace', rows: batch });
    }
  }

  #plan(): void {
    const { destinations, limits, parts } = this.#options;
    this.#stopTimer = parts.clock.after(limits.paceSaveMs, () => {
      const saved = this.#unlessRefused(async () => {
        await this.put(destinations.takeChanged());
        await this.#forgetIdle();
      });
      void saved.then(() => {
        if (this.#isRunning) this.#plan();
      });
    });
  }

  /** Some at a time: a key at which something happens is none of them. */
  async #forgetIdle(): Promise<void> {
    const { destinations, limits, parts } = this.#options;
    const since = parts.clock.now() - limits.paceKeptMs;
    const forgotten = destinations.takeIdle(since, limits.batchRows);
    if (forgotten.length === 0) return;
    await parts.committer.write({ type: 'put_pace', rows: [], forgotten });
  }

  async #unlessRefused(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#options.parts.logger.error(
        { event: 'pace_not_written', err: error },
        'learned paces could not be written',
      );
    }
  }
}
