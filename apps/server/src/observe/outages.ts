import type { Clock } from '@ezthrottle/engine';
import { StoreUnavailableError } from '../store/store-unavailable-error.ts';

export interface OutagesOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: () => {
    info(details: object, message: string): void;
    error(details: object, message: string): void;
  };
}

/** For so long all has to go well before it is over, in milliseconds: what was begun before fails later. */
const QUIET_MS = 3_000;

interface Outage {
  readonly since: number;
  /** When the database answered after the last failure; null: it has not. */
  answeredAt: number | null;
  /** Lines that were not written, by their event. */
  readonly untold: Map<string, number>;
}

/**
 * Tells that the database is away once, and once that it is back. What each part would have to say about it
 * meanwhile is the same for all of them, again and again: it is counted.
 */
export class Outages {
  readonly #options: OutagesOptions;
  #outage: Outage | null = null;

  constructor(options: OutagesOptions) {
    this.#options = options;
  }

  /** Whether a line is about the database being away; it is told by this one then. */
  takes(details: object): boolean {
    if (!('err' in details) || !(details.err instanceof StoreUnavailableError)) return false;
    const outage = (this.#outage ??= this.#begin(details.err));
    outage.answeredAt = null;
    const event = 'event' in details ? String(details.event) : 'other';
    outage.untold.set(event, (outage.untold.get(event) ?? 0) + 1);
    return true;
  }

  /** The database has answered. */
  answered(): void {
    const { clock, logger } = this.#options;
    const outage = this.#outage;
    if (outage === null) return;
    const now = clock.monotonic();
    outage.answeredAt ??= now;
    if (now < outage.answeredAt + QUIET_MS) return;
    this.#outage = null;
    const seconds = Math.round((outage.answeredAt - outage.since) / 100) / 10;
    const log = logger();
    log.info(
      { event: 'store_back', seconds, untold: Object.fromEntries(outage.untold) },
      'the database answers again',
    );
  }

  #begin(error: StoreUnavailableError): Outage {
    const { clock, logger } = this.#options;
    const log = logger();
    log.error(
      { event: 'store_away', reason: error.reason },
      'the database does not answer; nothing is started until it does, and it is asked again and again',
    );
    return { since: clock.monotonic(), answeredAt: null, untold: new Map() };
  }
}
