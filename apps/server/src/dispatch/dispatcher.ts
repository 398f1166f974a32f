import {
  DEFAULT_CIRCUIT,
  legOf,
  limitKey,
  lineId,
  lineOf,
  lineRef,
  pathOfLeg,
} from '@ezthrottle/engine';
import type {
  AuditRecord,
  Circuit,
  FairLineOptions,
  Id,
  KeyPacer,
  NewWork,
  PaceState,
  UnderWay,
  Verdict,
  WorkRow,
} from '@ezthrottle/engine';
import type { PutLine } from '../cluster/peers.ts';
import type { SlotUser } from '../cluster/slot-user.ts';
import type { DispatchTap } from '../recording/recorder.ts';
import type { Service } from '../upkeep/service.ts';
import { Stager } from '../upkeep/stager.ts';
import { ActiveJobs } from './active-jobs.ts';
import type { ActiveJob } from './active-jobs.ts';
import { type Ownership, WHOLE } from '../cluster/ownership.ts';
import { guardedExecutor } from '../execute/guarded-executor.ts';
import { Armer } from './armer.ts';
import { CallStarter } from './call-starter.ts';
import { Forecaster } from './forecaster.ts';
import type { ForecastAnswer, ForecastQuestion } from './forecast-question.ts';
import { hedgingOf } from './hedging.ts';
import { RunningCalls } from './calls.ts';
import { type DestinationDivision, Destinations } from './destinations.ts';
import { DividedDestinations } from './divided-destinations.ts';
import { DISPATCH_LIMITS } from './dispatch-limits.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import { Intake } from './intake.ts';
import type { AdmittedJob, CancelVerdict, JobGate } from './job-gate.ts';
import { JobMover } from './job-mover.ts';
import type { LineOwner } from './job-mover.ts';
import { isLaneIdle, type Lane, replan } from './lane.ts';
import { LimitKeys } from './limit-keys.ts';
import { LimitedCalls } from './limited-calls.ts';
import { OriginCaps } from './origin-caps.ts';
import { PaceMemory } from './pace-memory.ts';
import { PaceSaver } from './pace-saver.ts';
import { Handover } from './handover.ts';
import { recover, type RecoveryOptions, restorePaces, takeUpWork } from './recovery.ts';
import { Reports } from './reports.ts';
import { Sender } from './sender.ts';
import { WorkOfOthers } from './work-of-others.ts';
import { Replacements } from './replacements.ts';
import { waitingPlace, type WaitingPlace } from './waiting-notices.ts';

/** What the dispatcher holds at this moment. */
export interface DispatcherCounts {
  readonly inFlight: number;
  /** Jobs in use: with an attempt that is armed or under way, or a write. */
  readonly activeJobs: number;
}

/** A call, and the line in which it may stand. */
export interface LinePlaceOf {
  readonly organization: Id;
  /** `lineName`. */
  readonly line: string;
  readonly jobId: Id;
  readonly leg: number;
}

/** Where a destination or a limit stands. */
export interface DestinationState {
  readonly pace: PaceState;
  readonly circuit: Circuit;
  /** Attempts in line that memory holds. */
  readonly waiting: number;
}

export interface Dispatcher extends JobGate, Service, SlotUser {
  /** What other nodes have to do with its destinations. */
  readonly division: DividedDestinations;
  counts(): DispatcherCounts;
  /** Null: nothing is going on at this destination. */
  stateOf(organization: Id, origin: string): DestinationState | null;
  /** Every destination at which something goes on. */
  states(): Iterable<DestinationState & { readonly organization: Id; readonly origin: string }>;
  /** The same for a limit that jobs name. */
  limitStateOf(organization: Id, name: string): DestinationState | null;
  /** Where a call waits: at which key, until when (milliseconds since the epoch), behind how many; null: it does not. */
  waitOf(place: LinePlaceOf): WaitingPlace | null;
  /** Whether the call of this token is under way, and since when; null: it is not. */
  callOf(token: string): { readonly startedAt: number; readonly sentAt: number | null } | null;
  /** Another node has put work into these lines. */
  found(lines: readonly PutLine[]): void;
  /** Looks for work in these slots that other nodes have written; undefined: in all that are this node's. */
  look(slots: readonly number[] | undefined): Promise<void>;
  /** Another node has moved this job on. */
  overtaken(id: Id): void;
  /** When a call that waits would start, and what goes before it. Changes nothing. */
  forecast(question: ForecastQuestion): Promise<ForecastAnswer>;
}

/** Runs jobs: takes them in, paces and sends their calls, and decides what follows from the answers. */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  return new PacedDispatcher({ ...parts, executor: guardedExecutor(parts.executor, parts) });
}

/** How soon a destination is looked at again that the bound over all of them left out, in milliseconds. */
const STARVED_LOOK_MS = 10;
/** How often a stop looks whether all is done, in milliseconds. */
const STOP_LOOK_MS = 5;

class PacedDispatcher implements Dispatcher {
  readonly name = 'dispatcher';
  readonly division: DividedDestinations;
  readonly #parts: DispatcherParts;
  readonly #limits: DispatchLimits;
  readonly #active: ActiveJobs;
  readonly #calls = new RunningCalls();
  readonly #destinations: Destinations;
  readonly #limitKeys: LimitKeys;
  readonly #memory: PaceMemory;
  readonly #limited: LimitedCalls;
  readonly #ownership: Ownership;
  readonly #handover: Handover;
  readonly #others: WorkOfOthers;
  readonly #paces: PaceSaver;
  readonly #mover: JobMover;
  readonly #armer: Armer;
  readonly #sender: Sender;
  readonly #intake: Intake;
  readonly #replacements: Replacements;
  readonly #reports: Reports;
  readonly #stager: Stager;
  readonly #forecaster: Forecaster;
  /** Lines that have more to arm than the bound over all of them allowed. */
  readonly #starved = new Set<Lane>();
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;
  #stopStarvedTimer: (() => void) | null = null;
  #isRunning = false;

  constructor(parts: DispatcherParts) {
    const limits = { ...DISPATCH_LIMITS, ...parts.limits };
    const active = new ActiveJobs(parts.store.jobs, limits);
    const calls = this.#calls;
    const pump = (lane: Lane): void => this.#pump(lane);
    this.#parts = parts;
    this.#limits = limits;
    this.#active = active;
    this.#ownership = parts.ownership ?? WHOLE;
    const slots = (): readonly number[] | undefined => this.#ownership.slots();
    const { clock, settings, edits, weightOf, circuit = DEFAULT_CIRCUIT } = parts;
    const fairness: FairLineOptions = weightOf === undefined ? {} : { weightOf };
    const memory = new PaceMemory({
      clock,
      most: limits.maxTaught,
      read: (organization, origin) => parts.store.work.paceOf(organization, origin),
      onError: (error) =>
        parts.logger.error(
          { event: 'pace_unreadable', err: error },
          'a learned pace could not be read',
        ),
    });
    this.#memory = memory;
    const limitKeys = new LimitKeys({
      clock,
      rules: parts.namedLimits,
      memory,
      maxIdle: limits.maxIdleDestinations,
      shares: parts.shares,
      onRecalled: ({ key, lanes }) => this.#pumpKey(key, [...lanes]),
      onAllotted: ({ key, lanes }) => this.#pumpKey(key, [...lanes]),
    });
    this.#limitKeys = limitKeys;
    const caps = new OriginCaps(parts.caps ?? new Map(), clock, parts.shares, ({ key, lanes }) =>
      this.#pumpKey(key, [...lanes]),
    );
    const destinations = new Destinations({
      clock,
      settings,
      limits,
      limitKeys,
      caps,
      memory,
      onRecalled: ({ key, lanes }) => this.#pumpKey(key, [...lanes.values()]),
      circuit,
      edits,
      fairness,
      division: this.#divisionWith(parts),
    });
    this.#destinations = destinations;
    this.division = new DividedDestinations({
      destinations,
      ownership: this.#ownership,
      divided: parts.divided,
      settings,
    });
    this.#paces = new PaceSaver({ parts, destinations, limits });
    const mover = new JobMover(parts, active, {
      queued: (job, work) => this.#queued(job, work),
      withdrawn: (job, leg) => this.#withdrawn(job, leg),
      abort: (tokens) => parts.executor.abort(tokens.filter((token) => calls.has(token))),
      isRunning: (token) => calls.has(token),
      sentAt: (token) => calls.get(token)?.sentAt ?? null,
      hedging: (organization) => hedgingOf(destinations, organization),
      wakeAt: (at) => this.#stager.wakeAt(at),
      lost: (id) => this.#others.takeUp(id),
    });
    this.#mover = mover;
    this.#others = new WorkOfOthers({
      parts,
      active,
      calls,
      destinations,
      mover,
      ownership: this.#ownership,
      isAtHand: (token) => this.#isAtHand(token),
      onFound: pump,
    });
    const { maxResponseBytes } = limits;
    const starter = new CallStarter({ parts, active, calls, mover, maxResponseBytes });
    const pacerOf = (key: string): KeyPacer | null =>
      (limitKeys.find(key) ?? destinations.findByKey(key) ?? caps.find(key))?.pacer ?? null;
    this.#limited = new LimitedCalls({ parts, starter, pacerOf, fairness, onSent: pump });
    this.#sender = new Sender({ parts, calls, starter, limited: this.#limited, onTime: pump });
    const { work } = parts.store;
    this.#armer = new Armer({ parts, work, limits, active, mover, onArmed: pump });
    this.#intake = new Intake({
      parts,
      active,
      mover,
      destinations: this.#destinations,
      armer: this.#armer,
      queued: (job, work) => this.#queued(job, work),
      wakeAt: (at) => this.#stager.wakeAt(at),
      onArmed: pump,
    });
    this.#replacements = new Replacements({ intake: this.#intake, active: this.#active });
    this.#reports = new Reports({
      parts,
      active,
      calls,
      mover,
      onKeyChanged: (key) => {
        this.#limited.wake(key);
        parts.shares?.freed(key);
      },
      onFreed: (lane) => this.#freed(lane),
      onPaused: (keys) => {
        void this.#paces.write(destinations.takeRows(keys));
        this.division.paused(keys);
      },
    });
    this.#handover = new Handover({
      clock,
      destinations,
      active,
      mover,
      calls,
      reports: this.#reports,
      limited: this.#limited,
      logger: parts.logger,
      putPace: (rows) => this.#paces.write(rows),
    });
    this.#stager = new Stager({
      work,
      slots,
      committer: parts.committer,
      clock: parts.clock,
      logger: parts.logger,
      batchRows: limits.batchRows,
      onReady: (rows) => this.#ready(rows),
      onWakeable: (ids) => this.#wake(ids),
    });
    const { jobs } = parts.store;
    this.#forecaster = new Forecaster({
      clock,
      work,
      jobs,
      destinations,
      active,
      calls,
      fairness,
      limited: this.#limited,
    });
    edits?.onChanged((organization, origin) => {
      const changed = destinations.resettle(organization, origin);
      if (changed !== null) this.#pumpKey(changed.key, [...changed.lanes.values()]);
    });
    parts.namedLimits?.onChanged((organization, name) => {
      const changed = limitKeys.resettle(organization, name);
      if (changed !== null) this.#pumpKey(changed.key, [...changed.lanes]);
    });
    parts.executor.onSent((token) => this.#sender.began(token));
    parts.executor.onReports((reports) => this.#reports.take(reports));
  }

  counts(): DispatcherCounts {
    return { inFlight: this.#calls.size, activeJobs: this.#active.size };
  }

  stateOf(organization: Id, origin: string): DestinationState | null {
    const found = this.#destinations.find(organization, origin);
    if (found === null) return null;
    return stateOf(found.pacer, found.lanes.values());
  }

  *states(): ReturnType<Dispatcher['states']> {
    for (const { organization, origin, pacer, lanes } of this.#destinations.values()) {
      yield { organization, origin, ...stateOf(pacer, lanes.values()) };
    }
  }

  limitStateOf(organization: Id, name: string): DestinationState | null {
    const found = this.#limitKeys.find(limitKey(organization, name));
    return found === undefined ? null : stateOf(found.pacer, found.lanes);
  }

  waitOf({ organization, line, jobId, leg }: LinePlaceOf): WaitingPlace | null {
    const { clock } = this.#parts;
    const now = clock.monotonic();
    const lane = this.#destinations.findLane(organization, line);
    const place = lane === null ? null : waitingPlace(lane, { jobId, leg }, now);
    if (place === null || place.until === null) return place;
    return { ...place, until: Math.ceil(clock.now() + place.until - now) };
  }

  callOf(token: string): { readonly startedAt: number; readonly sentAt: number | null } | null {
    return this.#calls.get(token) ?? null;
  }

  forecast(question: ForecastQuestion): Promise<ForecastAnswer> {
    return this.#forecaster.ask(question);
  }

  submit(job: AdmittedJob, entry?: AuditRecord): Promise<Verdict> {
    const { tap } = this.#parts;
    return tap === undefined ? this.#take(job, entry) : this.#takeNoted(job, entry, tap);
  }

  async #takeNoted(
    job: AdmittedJob,
    entry: AuditRecord | undefined,
    tap: DispatchTap,
  ): Promise<Verdict> {
    const noted = tap.submitting(job);
    const verdict = await this.#take(job, entry);
    noted(verdict.verdict === 'ok');
    return verdict;
  }

  #take(job: AdmittedJob, entry?: AuditRecord): Promise<Verdict> {
    // Whoever has to answer for a job never puts it in the place of another.
    if (entry !== undefined) return this.#intake.submit(job, entry);
    return this.#replacements.submit(job);
  }

  async cancel(organization: Id, id: Id): Promise<CancelVerdict> {
    const verdict = await this.#active.withLatest(id, async (job) =>
      job.organization === organization ? await this.#mover.move(job, { type: 'cancel' }) : null,
    );
    if (verdict?.verdict === 'ok') {
      this.#parts.tap?.cancelled(organization, id);
      return 'cancelled';
    }
    const known = await this.#parts.store.jobs.get(organization, id);
    return known === null ? 'unknown' : 'already_ended';
  }

  async prepare(slots: readonly number[]): Promise<void> {
    this.#active.forgetIdle();
    await restorePaces(this.#recoveryOptions(slots));
  }

  async gain(slots: readonly number[]): Promise<void> {
    await this.#started;
    this.#handover.stay(slots);
    if (slots.length > 0) await takeUpWork(this.#recoveryOptions(slots));
    for (const lane of this.#destinations.lanes()) this.#pump(lane);
    this.#stager.wakeAt(this.#parts.clock.now());
  }

  leave(slots: readonly number[]): void {
    this.#handover.leave(slots);
    this.division.leave(slots);
  }

  underWayIn(slot: number): UnderWay {
    return this.#handover.underWayIn(slot);
  }

  found(lines: readonly PutLine[]): void {
    this.#others.found(lines);
  }

  async look(slots?: readonly number[]): Promise<void> {
    await this.#others.look(slots ?? this.#ownership.slots());
    if (slots === undefined) await this.#others.lookAtCalls();
  }

  overtaken(id: Id): void {
    this.#others.overtaken(id);
  }

  async start(): Promise<void> {
    this.#started ??= this.#start();
    await this.#started;
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #start(): Promise<void> {
    await recover(this.#recoveryOptions(this.#ownership.slots()));
    this.#armer.open();
    this.#isRunning = true;
    for (const lane of this.#destinations.lanes()) this.#pump(lane);
    this.#paces.start();
    await this.#stager.start();
  }

  #recoveryOptions(slots: readonly number[] | undefined): RecoveryOptions {
    const { store, clock } = this.#parts;
    return {
      slots,
      isAtHand: (token) => this.#isAtHand(token),
      owns: (organization, line) => this.#ownership.owns(organization, line),
      work: store.work,
      jobs: store.jobs,
      active: this.#active,
      mover: this.#mover,
      destinations: this.#destinations,
      memory: this.#memory,
      maxTaught: this.#limits.maxTaught,
      batchRows: this.#limits.batchRows,
      now: () => clock.now(),
    };
  }

  /** Sends nothing any more, hands back what was not sent, waits for the rest within a bound. */
  async #stop(): Promise<void> {
    const { clock, executor } = this.#parts;
    if (this.#started === null) return;
    await this.#started;
    this.#isRunning = false;
    this.#armer.close();
    await this.#stager.stop();
    this.#paces.stop();
    this.#stopStarvedTimer?.();
    this.#limited.stop();
    this.#handover.stop();
    await this.#until(
      () => this.#armer.arming + this.#intake.submits === 0,
      this.#limits.stopTimeoutMs,
    );
    await this.#handBackArmed();
    const deadline = clock.monotonic() + this.#limits.stopTimeoutMs;
    await this.#until(() => this.#calls.size === 0, deadline - clock.monotonic());
    executor.abort(this.#calls.tokens());
    await this.#until(
      () =>
        this.#calls.size === 0 &&
        this.#mover.writes + this.#reports.deciding + this.#intake.submits === 0,
      this.#limits.stopTimeoutMs,
    );
    for (const job of this.#active.values()) job.stopTimer?.();
    await this.#paces.put(this.#destinations.takeChanged());
  }

  async #handBackArmed(): Promise<void> {
    for (const lane of this.#destinations.lanes()) replan(lane);
    await this.#handover.handBack(this.#destinations.lanes());
  }

  /** Whether the attempt of this token is known to be on its way here. */
  #isAtHand(token: string): boolean {
    if (this.#calls.has(token) || this.#reports.isDeciding(token)) return true;
    if (this.#armer.isArming(token)) return true;
    for (const { armed } of this.#destinations.lanes()) {
      for (const ref of armed) if (ref.token === token) return true;
    }
    return false;
  }

  /** Whether a part of it waits in memory. */
  #queued(job: LineOwner, work: readonly NewWork[]): boolean {
    for (const { state, readyAt } of work) if (state === 'delayed') this.#stager.wakeAt(readyAt);
    const { id: jobId, organization, apiKey, spec } = job;
    const ready = work.filter(({ state }) => state === 'ready');
    const rows = ready.map((row) => ({ ...row, jobId, organization, apiKey, userId: spec.userId }));
    const others = rows.filter(({ origin }) => !this.#ownership.owns(organization, origin));
    if (others.length > 0) this.#parts.peers?.put(others);
    return this.#ready(rows);
  }

  #ready(rows: readonly WorkRow[]): boolean {
    let isInMemory = false;
    const touched = new Set<Lane>();
    for (const row of rows) {
      if (!this.#ownership.owns(row.organization, row.origin)) continue;
      const lane = this.#destinations.lane(row.organization, row.origin);
      if (lane.line.push(lineRef(row))) isInMemory = true;
      if (!lane.armed.has(row.apiKey)) lane.newcomers.add(row.apiKey);
      touched.add(lane);
    }
    for (const lane of touched) this.#pump(lane);
    return isInMemory;
  }

  async #wake(ids: readonly Id[]): Promise<void> {
    await Promise.all(
      ids.map((id) =>
        this.#active.with(id, async (job) => {
          if (job !== null) await this.#mover.move(job, { type: 'wake' });
        }),
      ),
    );
  }

  #withdrawn(job: ActiveJob, leg: number): void {
    const path = pathOfLeg(job.spec, legOf(job.run, leg));
    if (path === undefined) return;
    const lane = this.#destinations.findLane(job.organization, lineOf(path));
    if (lane === null) return;
    lane.line.remove(lineId(job.id, leg));
    const place = lane.door.findIndex(({ ref }) => ref.jobId === job.id && ref.leg === leg);
    if (place !== -1) lane.door.splice(place, 1);
    lane.armed.keep((armed) => {
      const isOther = armed.jobId !== job.id || armed.leg !== leg;
      if (!isOther) this.#limited.withdraw(armed.token);
      return isOther;
    });
  }

  #pump(lane: Lane): void {
    const { destination, name } = lane;
    if (!this.#isRunning || !this.#ownership.owns(destination.organization, name)) return;
    const { allotment } = destination;
    if (allotment !== null) {
      allotment.settle();
      if (!isLaneIdle(lane)) allotment.wanted();
    }
    this.#sender.send(lane);
    this.#armer.fill(lane);
    if (this.#armer.isFull && !(lane.line.isEmpty && lane.door.length === 0)) {
      this.#feedLater(lane);
    }
  }

  /** A call of this line has ended. Calls without limits may have waited for its slot as well. */
  #freed(lane: Lane): void {
    this.#pump(lane);
    const { lanes, origin } = lane.destination;
    const own = lanes.get(origin);
    if (own !== undefined && own !== lane) this.#pump(own);
  }

  #divisionWith({ divided, shares }: DispatcherParts): DestinationDivision | undefined {
    if (divided === undefined || shares === undefined) return undefined;
    return {
      divided,
      shares,
      ownership: this.#ownership,
      onAllotted: ({ key, lanes }) => this.#pumpKey(key, [...lanes.values()]),
    };
  }

  /** A key has other settings: whoever waits there is looked at again. */
  #pumpKey(key: string, lanes: readonly Lane[]): void {
    this.#limited.wake(key);
    for (const lane of lanes) this.#pump(lane);
  }

  /** The bound over all destinations has left this line without anything that would wake it. */
  #feedLater(lane: Lane): void {
    this.#starved.add(lane);
    this.#stopStarvedTimer ??= this.#parts.clock.after(STARVED_LOOK_MS, () => {
      this.#stopStarvedTimer = null;
      const starved = [...this.#starved];
      this.#starved.clear();
      for (const one of starved) this.#pump(one);
    });
  }

  async #until(isDone: () => boolean, timeoutMs: number): Promise<void> {
    const { clock } = this.#parts;
    const deadline = clock.monotonic() + timeoutMs;
    while (!isDone() && clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => {
        clock.after(STOP_LOOK_MS, resolve);
      });
    }
  }
}

function stateOf({ pace, circuit }: KeyPacer, lanes: Iterable<Lane>): DestinationState {
  let waiting = 0;
  for (const { line, armed, door } of lanes) waiting += line.size + armed.length + door.length;
  return { pace, circuit, waiting };
}
