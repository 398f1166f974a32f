import { legOf, lineId, lineRef } from '@ezthrottle/engine';
import type { Id, NewWork, PaceState, Verdict, WorkRow } from '@ezthrottle/engine';
import type { Service } from '../upkeep/service.ts';
import { Stager } from '../upkeep/stager.ts';
import { ActiveJobs } from './active-jobs.ts';
import type { ActiveJob } from './active-jobs.ts';
import { Armer } from './armer.ts';
import { RunningCalls } from './calls.ts';
import type { Destination } from './destination.ts';
import { Destinations } from './destinations.ts';
import { DISPATCH_LIMITS } from './dispatch-limits.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import { Intake } from './intake.ts';
import type { AdmittedJob, CancelVerdict, JobGate } from './job-gate.ts';
import { JobMover } from './job-mover.ts';
import type { LineOwner } from './job-mover.ts';
import { forgetArmedOf, recover } from './recovery.ts';
import { Reports } from './reports.ts';
import { Sender } from './sender.ts';
import { submitReplacing } from './submit-replacing.ts';

/** What the dispatcher holds at this moment. */
export interface DispatcherCounts {
  readonly inFlight: number;
  /** Jobs in use: with an attempt that is armed or under way, or a write. */
  readonly activeJobs: number;
}

/** Where a destination stands. */
export interface DestinationState {
  readonly pace: PaceState;
  /** Attempts in line that memory holds. */
  readonly waiting: number;
}

export interface Dispatcher extends JobGate, Service {
  counts(): DispatcherCounts;
  /** Null: nothing is going on at this destination. */
  stateOf(organization: Id, origin: string): DestinationState | null;
}

/** Runs jobs: takes them in, paces and sends their calls, and decides what follows from the answers. */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  return new PacedDispatcher(parts);
}

/** Times that a cancel is tried on a job that moves on meanwhile. */
const CANCEL_TRIES = 3;
/** How soon a destination is looked at again that the bound over all of them left out, in milliseconds. */
const STARVED_LOOK_MS = 10;
/** How often a stop looks whether all is done, in milliseconds. */
const STOP_LOOK_MS = 5;

class PacedDispatcher implements Dispatcher {
  readonly name = 'dispatcher';
  readonly #parts: DispatcherParts;
  readonly #limits: DispatchLimits;
  readonly #active: ActiveJobs;
  readonly #calls = new RunningCalls();
  readonly #destinations: Destinations;
  readonly #mover: JobMover;
  readonly #armer: Armer;
  readonly #sender: Sender;
  readonly #intake: Intake;
  readonly #reports: Reports;
  readonly #stager: Stager;
  /** Destinations that have more to arm than the bound over all of them allowed. */
  readonly #starved = new Set<Destination>();
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;
  #stopPaceTimer: (() => void) | null = null;
  #stopStarvedTimer: (() => void) | null = null;
  #isRunning = false;

  constructor(parts: DispatcherParts) {
    const limits = { ...DISPATCH_LIMITS, ...parts.limits };
    const active = new ActiveJobs(parts.store.jobs, limits);
    const calls = this.#calls;
    const pump = (destination: Destination): void => this.#pump(destination);
    this.#parts = parts;
    this.#limits = limits;
    this.#active = active;
    this.#destinations = new Destinations(parts.clock, parts.settings, limits, parts.edits);
    const mover = new JobMover(parts, active, {
      queued: (job, work) => this.#queued(job, work),
      withdrawn: (job, leg) => this.#withdrawn(job, leg),
      abort: (tokens) => parts.executor.abort(tokens.filter((token) => calls.has(token))),
      sentAt: (token) => calls.get(token)?.sentAt ?? null,
      wakeAt: (at) => this.#stager.wakeAt(at),
      lost: (id) => this.#takeUp(id),
    });
    this.#mover = mover;
    const { maxResponseBytes } = limits;
    this.#sender = new Sender({ parts, active, calls, mover, maxResponseBytes, onTime: pump });
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
    this.#reports = new Reports({ parts, active, calls, mover, onFreed: pump });
    this.#stager = new Stager({
      work,
      committer: parts.committer,
      clock: parts.clock,
      logger: parts.logger,
      batchRows: limits.batchRows,
      onReady: (rows) => this.#ready(rows),
      onWakeable: (ids) => this.#wake(ids),
    });
    parts.edits?.onChanged((organization, origin) => {
      const changed = this.#destinations.resettle(organization, origin);
      if (changed !== null) pump(changed);
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
    const { pace, line, armed } = found;
    return { pace, waiting: line.size + armed.length };
  }

  submit(job: AdmittedJob): Promise<Verdict> {
    return submitReplacing(job, { intake: this.#intake, active: this.#active });
  }

  async cancel(organization: Id, id: Id): Promise<CancelVerdict> {
    for (let tries = 0; tries < CANCEL_TRIES; tries += 1) {
      const verdict = await this.#active.with(id, async (job) => {
        if (job === null || job.organization !== organization) return null;
        return await this.#mover.move(job, { type: 'cancel' });
      });
      if (verdict === null) break;
      if (verdict.verdict === 'ok') return 'cancelled';
    }
    const known = await this.#parts.store.jobs.get(organization, id);
    return known === null ? 'unknown' : 'already_ended';
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
    const { store, clock } = this.#parts;
    await recover({
      work: store.work,
      active: this.#active,
      mover: this.#mover,
      destinations: this.#destinations,
      batchRows: this.#limits.batchRows,
      now: () => clock.now(),
    });
    this.#armer.open();
    this.#isRunning = true;
    for (const destination of this.#destinations.values()) this.#pump(destination);
    this.#planPaceSave();
    await this.#stager.start();
  }

  /** Sends nothing any more, hands back what was not sent, waits for the rest within a bound. */
  async #stop(): Promise<void> {
    const { clock, executor } = this.#parts;
    if (this.#started === null) return;
    await this.#started;
    this.#isRunning = false;
    this.#armer.close();
    await this.#stager.stop();
    this.#stopPaceTimer?.();
    this.#stopStarvedTimer?.();
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
    await this.#savePace();
  }

  async #handBackArmed(): Promise<void> {
    const handed: Promise<void>[] = [];
    for (const destination of this.#destinations.values()) {
      destination.stopTimer?.();
      destination.stopTimer = null;
      const { armed } = destination;
      destination.armed = [];
      for (const ref of armed) {
        const job = this.#active.get(ref.jobId);
        if (job !== undefined) handed.push(this.#mover.handBack(job, ref));
      }
    }
    await Promise.all(handed);
  }

  /** Whether a part of it waits in memory. */
  #queued(job: LineOwner, work: readonly NewWork[]): boolean {
    for (const { state, readyAt } of work) if (state === 'delayed') this.#stager.wakeAt(readyAt);
    const { id: jobId, organization, apiKey, spec } = job;
    const ready = work.filter(({ state }) => state === 'ready');
    return this.#ready(
      ready.map((row) => ({ ...row, jobId, organization, apiKey, userId: spec.userId })),
    );
  }

  #ready(rows: readonly WorkRow[]): boolean {
    let isInMemory = false;
    const touched = new Set<Destination>();
    for (const row of rows) {
      const destination = this.#destinations.get(row.organization, row.origin);
      if (destination.line.push(lineRef(row))) isInMemory = true;
      touched.add(destination);
    }
    for (const destination of touched) this.#pump(destination);
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
    const path = job.spec.paths[legOf(job.run, leg)?.path ?? -1];
    if (path === undefined) return;
    const destination = this.#destinations.get(job.organization, path.origin);
    destination.line.remove(lineId(job.id, leg));
    destination.armed = destination.armed.filter(
      (armed) => armed.jobId !== job.id || armed.leg !== leg,
    );
  }

  /** A job of which memory had a wrong copy: what the store has is taken up as after a crash. */
  #takeUp(id: Id): void {
    const { clock, logger } = this.#parts;
    const takeUp = async (job: ActiveJob | null): Promise<void> => {
      if (job === null) return;
      const isRunning = (token: string): boolean => this.#calls.has(token);
      await forgetArmedOf(job, this.#mover, clock.now(), isRunning);
      for (const leg of job.run.legs) {
        const origin = job.spec.paths[leg.path]?.origin;
        if (leg.state !== 'waiting' || origin === undefined) continue;
        const { line } = this.#destinations.get(job.organization, origin);
        line.addBacklog({ apiKey: job.apiKey, userId: job.spec.userId });
      }
    };
    this.#active.with(id, takeUp).catch((error: unknown) => {
      logger.error({ jobId: id, err: error }, 'a job could not be taken up again');
    });
  }

  #pump(destination: Destination): void {
    if (!this.#isRunning) return;
    this.#sender.send(destination);
    this.#armer.fill(destination);
    if (this.#armer.isFull && !destination.line.isEmpty) this.#feedLater(destination);
  }

  /** The bound over all destinations has left this one without anything that would wake it. */
  #feedLater(destination: Destination): void {
    this.#starved.add(destination);
    this.#stopStarvedTimer ??= this.#parts.clock.after(STARVED_LOOK_MS, () => {
      this.#stopStarvedTimer = null;
      const starved = [...this.#starved];
      this.#starved.clear();
      for (const one of starved) this.#pump(one);
    });
  }

  #planPaceSave(): void {
    const { clock, logger } = this.#parts;
    this.#stopPaceTimer = clock.after(this.#limits.paceSaveMs, () => {
      this.#savePace()
        .catch((error: unknown) => {
          logger.error({ err: error }, 'learned paces could not be written');
        })
        .finally(() => {
          if (this.#isRunning) this.#planPaceSave();
        });
    });
  }

  async #savePace(): Promise<void> {
    const rows = this.#destinations.takeChanged();
    for (let start = 0; start < rows.length; start += this.#limits.batchRows) {
      const batch = rows.slice(start, start + this.#limits.batchRows);
      await this.#parts.committer.write({ type: 'put_pace', rows: batch });
    }
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
