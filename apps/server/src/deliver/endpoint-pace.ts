import {
  afterDelivery,
  createEndpoint,
  type Endpoint,
  ENDPOINT_PACE,
  endpointVerdict,
  type EndpointPass,
  isEndpointRefusal,
  type Outcome,
  type PaceSettings,
  passEndpoint,
} from '@ezthrottle/engine';

/** Nothing that it said counts any more when it was left alone for so long, in milliseconds: longer than any pause. */
const FORGET_MS = 600_000;
const WINDOW_MS = 1_000;

/** Rate where nobody has said one: what an endpoint gets is then bounded by its concurrency. */
const MOST_PER_SECOND = ENDPOINT_PACE.maxPerSecond;

/**
 * How fast one endpoint gets its deliveries. One that has never failed is not paced at all; the first 429,
 * or 503 with `Retry-After`, makes the rate at which it was sent to the one that is lowered, and what cannot
 * be reached is held back and tried by one delivery. Times are monotonic milliseconds.
 */
export class EndpointPace {
  readonly #ratePerSecond: number | null;
  #endpoint: Endpoint | null = null;
  #hasRefused = false;
  #usedAt = 0;
  #window = { since: 0, sent: 0, lastRate: 0 };

  /** @param ratePerSecond What every endpoint bears, by configuration; null: nobody knows. */
  constructor(ratePerSecond: number | null) {
    this.#ratePerSecond = ratePerSecond;
  }

  /** Whether there is anything to remember of it. */
  get isKnown(): boolean {
    return this.#endpoint !== null;
  }

  get usedAt(): number {
    return this.#usedAt;
  }

  /** May a delivery go now? Then it is booked. */
  pass(now: number): Exclude<EndpointPass, { readonly pass: 'dead' }> | { readonly pass: 'free' } {
    if (this.#isStale(now)) this.forget();
    if (this.#endpoint === null && this.#ratePerSecond !== null) {
      this.#endpoint = createEndpoint(now, configured(this.#ratePerSecond));
    }
    if (this.#endpoint !== null) {
      const pass = passEndpoint(this.#endpoint, now);
      if (pass.pass === 'hold') return pass;
      if (pass.pass === 'go') {
        this.#endpoint = pass.endpoint;
        this.#count(now);
        return pass;
      }
    }
    this.#count(now);
    return { pass: 'free' };
  }

  /** What came of a delivery. `wallNow` in milliseconds since the epoch. */
  after(outcome: Outcome, isProbe: boolean, now: number, wallNow: number): void {
    const isRefusal = isEndpointRefusal(outcome, wallNow);
    if (this.#endpoint === null) {
      if (!isRefusal && endpointVerdict(outcome) !== 'down') return;
      this.#endpoint = createEndpoint(now, unpaced(MOST_PER_SECOND));
    }
    if (isRefusal && !this.#hasRefused && this.#ratePerSecond === null) {
      const { circuit, pace } = this.#endpoint;
      const { inFlight } = pace;
      const fresh = createEndpoint(now, unpaced(MOST_PER_SECOND));
      // Where it begins, not where it ends: what a quiet hour was sent at says little about a busy one.
      const ratePerSecond = this.#observedRate(now);
      this.#endpoint = { ...fresh, circuit, pace: { ...fresh.pace, inFlight, ratePerSecond } };
    }
    this.#hasRefused ||= isRefusal;
    // Whether it is disabled is told by address, and this is an origin.
    const after = afterDelivery(this.#endpoint, outcome, isProbe, now, wallNow);
    this.#endpoint = { ...after, disabled: null };
    this.#usedAt = now;
  }

  /** A delivery that was let go has not been sent: it says nothing, and its place is free again. */
  abandon(isProbe: boolean): void {
    if (this.#endpoint !== null) this.after({ kind: 'aborted' }, isProbe, this.#usedAt, 0);
  }

  /** As if nothing had been. */
  forget(): void {
    this.#endpoint = null;
    this.#hasRefused = false;
  }

  #isStale(now: number): boolean {
    return this.#endpoint !== null && now - this.#usedAt > FORGET_MS;
  }

  #count(now: number): void {
    this.#usedAt = now;
    const elapsed = now - this.#window.since;
    if (elapsed >= WINDOW_MS) {
      const lastRate = elapsed < 2 * WINDOW_MS ? (this.#window.sent * 1_000) / elapsed : 0;
      this.#window = { since: now, sent: 0, lastRate };
    }
    this.#window.sent += 1;
  }

  /** Deliveries per second of late. */
  #observedRate(now: number): number {
    const { since, sent, lastRate } = this.#window;
    const elapsed = Math.max(now - since, WINDOW_MS);
    const rate = Math.max(lastRate, (sent * 1_000) / elapsed);
    return Math.min(MOST_PER_SECOND, Math.max(1, rate));
  }
}

function unpaced(ratePerSecond: number): PaceSettings {
  return { ...ENDPOINT_PACE, ratePerSecond };
}

function configured(ratePerSecond: number): PaceSettings {
  const burst = Math.max(1, ratePerSecond / 10);
  const maxPerSecond = Math.max(ratePerSecond, MOST_PER_SECOND);
  return { ...ENDPOINT_PACE, ratePerSecond, burst, maxPerSecond, configured: true };
}
