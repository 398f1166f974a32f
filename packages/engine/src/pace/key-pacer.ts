import type { LimitSpec } from '../job/job-spec.ts';
import type { Outcome, StoredResponse } from '../job/outcome.ts';
import { actualCost } from './actual-cost.ts';
import { type Admission, admit, type PaceWaitReason, release } from './admission.ts';
import { type Allotment, withAllotment, withSettings } from './allotment.ts';
import { ArrivalLog } from './arrival-log.ts';
import {
  afterCall,
  type Circuit,
  circuitShare,
  type CircuitPolicy,
  CLOSED_CIRCUIT,
  passCircuit,
} from './circuit.ts';
import { CostLedger } from './cost-ledger.ts';
import { feedback } from './feedback.ts';
import { PACE_LAW, type PaceSettings } from './pace-settings.ts';
import { chargeSent, nextByRate, type PaceState, withRate } from './pace-state.ts';
import { type PaceMoment, restoreKey, saveKey } from './saved-key.ts';

/** Where an answer tells what a call has cost. */
export type CostSource = Pick<LimitSpec, 'settleHeader' | 'settlePath'>;

/** What one call has taken from one key. It is given back to the key's pacer, which alone changes it. */
export interface KeyUse {
  readonly pacer: KeyPacer;
  readonly cost: number;
  /** Whether a destination that was down is tried by this call. */
  readonly isProbe: boolean;
  readonly arrival: number;
  readonly booking: number | null;
  readonly source: CostSource | null;
  /** When its first byte went out, on the monotonic clock; null: not yet. */
  sentAt: number | null;
}

/** Calls over which the usual time of a call is taken. */
const CALLS_REMEMBERED = 100;

/** What holds a call back at one key. */
export interface KeyStop {
  readonly reason: PaceWaitReason | 'circuit';
  /** On the monotonic clock; null: until something changes. */
  readonly until: number | null;
}

/** How a call has ended, for the keys that it counts against. */
export interface CallEnd {
  readonly outcome: Outcome;
  readonly response: StoredResponse | null;
}

export interface KeyPacerOptions {
  readonly key: string;
  readonly pace: PaceState;
  /** Whether answers move the rate. */
  readonly learns: boolean;
  /** When a destination is taken for down; null: never, or the key is none. */
  readonly circuit: CircuitPolicy | null;
  /** Whether arrivals are held to the rate as well: the key is a target's. */
  readonly countsArrivals: boolean;
}

/**
 * One key with everything by which it holds calls back: its pace, a pause by hand, its circuit, and for a
 * target the log of arrivals. Mutable and deterministic; times are monotonic milliseconds.
 */
export class KeyPacer {
  readonly key: string;
  pace: PaceState;
  /** Stopped by hand until then; null: not. */
  heldUntil: number | null = null;
  /** Whether something has changed that is to be written down. */
  isChanged = false;
  #circuit: Circuit = CLOSED_CIRCUIT;
  #learns: boolean;
  readonly #policy: CircuitPolicy | null;
  #arrivals: ArrivalLog | null;
  #callMs: number | null = null;
  #callsNoted = 0;
  #ledger: CostLedger | null = null;
  #before: PaceState;
  #isProbe = false;
  /** Up to when what is owed has been paid off at the rate of a ramp; null: never yet. */
  #paidAt: number | null = null;
  /** Booked, and no byte of it sent. */
  #unsent = 0;

  constructor({ key, pace, learns, circuit, countsArrivals }: KeyPacerOptions) {
    this.key = key;
    this.pace = pace;
    this.#before = pace;
    this.#learns = learns;
    this.#policy = circuit;
    this.#arrivals = countsArrivals ? new ArrivalLog() : null;
  }

  get circuit(): Circuit {
    return this.#circuit;
  }

  /** How long calls have usually held their slots of late, in milliseconds; null: none has ended yet. */
  get callMs(): number | null {
    return this.#callMs;
  }

  /** Whether answers move the rate. */
  get learns(): boolean {
    return this.#learns;
  }

  /**
   * The same key, to try things on: what is done to one of them changes nothing at the other. Of calls that
   * are out, what they cost is taken to be what was booked.
   */
  fork(): KeyPacer {
    const copy = new KeyPacer({
      key: this.key,
      pace: this.pace,
      learns: this.#learns,
      circuit: this.#policy,
      countsArrivals: false,
    });
    copy.heldUntil = this.heldUntil;
    copy.#circuit = this.#circuit;
    copy.#arrivals = this.#arrivals?.fork() ?? null;
    copy.#callMs = this.#callMs;
    copy.#callsNoted = this.#callsNoted;
    copy.#unsent = this.#unsent;
    copy.#paidAt = this.#paidAt;
    return copy;
  }

  /** The pace with all that holds it back on top: what `admit` has to see. */
  inForce(now: number): PaceState {
    const freeAt = this.#arrivals?.freeAt(this.pace) ?? null;
    const state = this.#heldBack(now);
    if (freeAt === null || freeAt <= now) return state;
    return { ...state, pausedUntil: Math.max(freeAt, state.pausedUntil ?? freeAt) };
  }

  /** The same but for arrivals, which hold back for moments only: by it is told how much to arm ahead. */
  paceAhead(now: number): PaceState {
    return this.#heldBack(now);
  }

  /** May one call go now that costs one here and counts against nothing else? It is booked if so. */
  take(now: number): Admission {
    const state = this.#heldBack(now);
    const verdict = admit([{ key: this.key, state }], now);
    if (verdict.verdict === 'wait') return verdict;
    const until = this.#arrivals?.freeAt(this.pace) ?? null;
    if (until !== null && until > now) {
      return { verdict: 'wait', key: this.key, reason: 'rate', until };
    }
    this.book(verdict.states[0]?.state ?? state, now);
    return verdict;
  }

  /** Takes over what `admit` has booked on the state that `inForce` gave. */
  book(state: PaceState, now: number): void {
    this.#before = this.pace;
    const { arrivesAt, inFlight } = withRate(state, this.pace.ratePerSecond, now);
    this.pace = { ...this.pace, arrivesAt, inFlight, pausedUntil: null };
    this.isChanged = true;
    if (this.#policy === null) return;
    const passed = passCircuit(this.#circuit, now);
    if (passed.pass === 'hold') return;
    this.#circuit = passed.circuit;
    this.#isProbe = passed.isProbe;
  }

  /** The call that was booked last is not made after all. Its slot is free again; its token is not. */
  dropped(now: number): void {
    this.pace = release(this.pace);
    if (this.#isProbe) this.#circuit = afterCall(this.#circuit, { kind: 'aborted' }, true, now);
    this.#isProbe = false;
  }

  /** The call that was booked last is handed over now. */
  begun(now: number, cost = 1, source: CostSource | null = null): KeyUse {
    if (source !== null) this.#ledger ??= new CostLedger();
    const booking = this.#ledger?.booked(this.#before, this.pace, cost, now) ?? null;
    const arrival = this.#arrivals?.sent(now, this.pace) ?? 0;
    const isProbe = this.#isProbe;
    this.#isProbe = false;
    this.#unsent += cost;
    return { pacer: this, cost, isProbe, arrival, booking, source, sentAt: null };
  }

  /** Its first byte has gone out. */
  left(use: KeyUse, now: number): void {
    if (use.sentAt !== null) return;
    this.#payRamp(now);
    use.sentAt = now;
    this.#unsent -= use.cost;
    this.#arrivals?.left(use.arrival, now);
    this.pace =
      use.booking === null || this.#ledger === null
        ? chargeSent(this.pace, now, this.#unsent, use.cost)
        : this.#ledger.sent(this.pace, use.booking, now);
  }

  /** It has ended: its slot is free, and the key learns from the answer. */
  ended(use: KeyUse, { outcome, response }: CallEnd, now: number, wallNow: number): void {
    if (use.sentAt === null) this.#unsent -= use.cost;
    else this.#noteCall(now - use.sentAt);
    this.pace = release(this.pace);
    if (outcome.kind === 'response') {
      if (use.sentAt !== null) this.#arrivals?.answered(use.arrival, now);
      this.#learn(outcome, use, now, wallNow);
    }
    if (use.booking !== null && this.#ledger !== null) {
      const actual = use.source === null ? null : actualCost(use.source, response);
      this.pace = this.#ledger.settled(this.pace, use.booking, actual, now);
    }
    if (this.#policy !== null) {
      this.#circuit = afterCall(this.#circuit, outcome, use.isProbe, now, this.#policy);
    }
    this.isChanged = true;
  }

  /**
   * Other settings from now on: what is owed stays owed.
   *
   * @param allotment What of it may be spent here. Null: all of it, as ever.
   */
  resettle(
    settings: PaceSettings,
    learns: boolean,
    heldUntil: number | null,
    now: number,
    allotment: Allotment | null = null,
  ): void {
    this.pace =
      allotment === null
        ? withSettings(this.pace, settings, now)
        : withAllotment(this.pace, settings, allotment, now);
    this.heldUntil = heldUntil;
    this.#learns = learns;
    this.isChanged = true;
  }

  /**
   * This is what it may spend from now on of a limit that others spend as well.
   *
   * @param settings Of the whole limit.
   * @param isFresh Nobody has spent anything of it of late: a burst that it gains need not be earned.
   */
  allot(settings: PaceSettings, allotment: Allotment, isFresh: boolean, now: number): void {
    const { allottedUntil, ...rest } = this.pace;
    this.pace = withAllotment(isFresh ? rest : this.pace, settings, allotment, now);
    this.isChanged = true;
  }

  /** Somebody else was told to leave the key alone until then: nobody calls it before. */
  pause(until: number, now: number): void {
    const { pausedUntil } = this.pace;
    if (until <= now || until <= (pausedUntil ?? until - 1)) return;
    this.pace = { ...this.pace, pausedUntil: Math.min(until, now + PACE_LAW.maxPauseMs) };
    this.isChanged = true;
  }

  /** What holds a call of this cost back here; null: nothing. */
  stop(now: number, cost = 1): KeyStop | null {
    // Who only asks changes nothing, to the last digit: while the rate comes back, looking pays off.
    return this.#circuit.state === 'ramping' ? this.fork().#stop(now, cost) : this.#stop(now, cost);
  }

  #stop(now: number, cost: number): KeyStop | null {
    const { allottedUntil, pausedUntil, inFlight } = this.pace;
    if (allottedUntil !== undefined && allottedUntil <= now) {
      return { reason: 'allotment', until: null };
    }
    const pauseEnd = Math.max(this.heldUntil ?? now, pausedUntil ?? now);
    if (pauseEnd > now) {
      return { reason: 'paused', until: Number.isFinite(pauseEnd) ? pauseEnd : null };
    }
    const passed = passCircuit(this.#circuit, now);
    if (passed.pass === 'hold') return { reason: 'circuit', until: passed.until };
    const state = this.#heldBack(now);
    if (inFlight + 1 > state.concurrency) return { reason: 'concurrency', until: null };
    const freeAt = this.#arrivals?.freeAt(this.pace) ?? now;
    const until = Math.max(freeAt, nextByRate(state, cost));
    return until > now ? { reason: 'rate', until } : null;
  }

  /** All of it that outlives the process, as a line of JSON. */
  save(moment: PaceMoment): string {
    return saveKey(this.pace, this.#circuit, moment);
  }

  /** Takes up what was saved. */
  restore(data: string, moment: PaceMoment): void {
    const { pace, circuit } = restoreKey(data, this.pace.settings, moment, this.#policy);
    this.pace = pace;
    this.#circuit = circuit;
  }

  #noteCall(tookMs: number): void {
    if (this.#callsNoted < CALLS_REMEMBERED) this.#callsNoted += 1;
    const usual = this.#callMs ?? tookMs;
    this.#callMs = usual + (tookMs - usual) / this.#callsNoted;
  }

  #learn(
    outcome: Extract<Outcome, { readonly kind: 'response' }>,
    { sentAt }: KeyUse,
    now: number,
    wallNow: number,
  ): void {
    if (!this.#learns) return;
    const { status, headers } = outcome;
    const response = sentAt === null ? { status, headers } : { status, headers, sentAt };
    this.pace = feedback(this.pace, response, now, wallNow);
  }

  /** While the rate comes back, what is owed is paid off at that rate and not at the whole. */
  #payRamp(now: number): void {
    if (this.#circuit.state !== 'ramping') return;
    const from = Math.max(this.#circuit.since, this.#paidAt ?? this.#circuit.since);
    if (now <= from) return;
    const policy = this.#policy ?? undefined;
    const share =
      (circuitShare(this.#circuit, from, policy) + circuitShare(this.#circuit, now, policy)) / 2;
    const unpaidMs = Math.max(0, this.pace.arrivesAt - from) - (now - from) * share;
    if (unpaidMs > 0) this.pace = { ...this.pace, arrivesAt: now + unpaidMs };
    this.#paidAt = now;
  }

  /** Without arrivals, which never hold back for long. */
  #heldBack(now: number): PaceState {
    if (this.heldUntil === null && this.#circuit.state === 'closed') return this.pace;
    this.#payRamp(now);
    const { settings } = this.pace;
    const passed = passCircuit(this.#circuit, now);
    const isHeld = passed.pass === 'hold';
    const share = circuitShare(this.#circuit, now, this.#policy ?? undefined);
    const circuitUntil = isHeld ? (passed.until ?? now) : now;
    const until = Math.max(this.heldUntil ?? now, this.pace.pausedUntil ?? now, circuitUntil);
    const slots = Math.max(1, this.pace.concurrency * share);
    return {
      ...withRate(this.pace, this.pace.ratePerSecond * share, now),
      settings: { ...settings, burst: Math.max(1, settings.burst * share) },
      concurrency: isHeld && passed.until === null ? 0 : slots,
      pausedUntil: until > now ? until : null,
    };
  }
}
