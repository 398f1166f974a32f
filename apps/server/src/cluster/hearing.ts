import type { Clock } from '@ezthrottle/engine';

export interface HearingOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Says something that comes back to this node. Rejects when it cannot be said. */
  readonly say: () => Promise<void>;
  /** Begins to listen anew: a connection may be dead without anybody having said so. Never rejects. */
  readonly listenAnew: () => Promise<void>;
  /** Why nothing can be heard at this moment; null: nothing is known to stand in the way. */
  readonly obstacle: () => string | null;
  readonly logger: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** Between two words while they come back, and how long one may take, in milliseconds. */
const SAY_EVERY_MS = 10_000;
const HEARD_WITHIN_MS = 3_000;
/** So many in a row did not come back when somebody is told: one may be lost with a connection. */
const MISSES_TOLD = 2;

/**
 * Whether what nodes tell each other arrives here. An address for listening may lead to another database, or
 * to a pooler that keeps no sessions: nothing fails then, and nothing is ever heard. So a node listens for
 * what it says itself.
 */
export class Hearing {
  readonly #options: HearingOptions;
  #isHeard = false;
  #misses = 0;
  #hasComeBack = false;
  #isTold = false;
  #isOver = false;
  #stopTimer: (() => void) | null = null;

  constructor(options: HearingOptions) {
    this.#options = options;
  }

  /** False as well before the first word has come back. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  start(): void {
    void this.#say();
  }

  stop(): void {
    this.#isOver = true;
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  /** Something that this node has said came back. */
  heard(): void {
    this.#hasComeBack = true;
    this.#isHeard = true;
    this.#misses = 0;
    if (!this.#isTold) return;
    this.#isTold = false;
    this.#options.logger.info({ event: 'listening' }, 'other nodes can be heard');
  }

  async #say(): Promise<void> {
    if (this.#isOver) return;
    this.#hasComeBack = false;
    try {
      await this.#options.say();
    } catch {
      // The database is away, which says nothing about who can be heard.
      this.#plan(HEARD_WITHIN_MS, () => void this.#say());
      return;
    }
    this.#plan(HEARD_WITHIN_MS, () => void this.#judge());
  }

  async #judge(): Promise<void> {
    if (!this.#hasComeBack) {
      this.#isHeard = false;
      this.#misses += 1;
      if (this.#misses === MISSES_TOLD) this.#tell();
      await this.#options.listenAnew();
      if (this.#misses < MISSES_TOLD) return await this.#say();
    }
    this.#plan(SAY_EVERY_MS - HEARD_WITHIN_MS, () => void this.#say());
  }

  #tell(): void {
    const { logger, obstacle } = this.#options;
    this.#isTold = true;
    const reason = obstacle() ?? 'what this node tells the others does not come back to itself';
    logger.warn(
      { event: 'not_listening', reason },
      'other nodes cannot be heard, so their work is looked for every second: set DATABASE_LISTEN_URL to the same database on the primary itself, without a pooler, or say --no-database-notify',
    );
  }

  #plan(afterMs: number, act: () => void): void {
    if (this.#isOver) return;
    this.#stopTimer = this.#options.clock.after(afterMs, act);
  }
}
