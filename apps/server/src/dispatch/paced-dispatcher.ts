import {
  type AuditRecord,
  type Id,
  limitKey,
  type UnderWay,
  type Verdict,
} from '@ezthrottle/engine';
import type { KeyPacer } from '@ezthrottle/engine';
import type { PutLine } from '../cluster/peers.ts';
import { guardedExecutor } from '../execute/guarded-executor.ts';
import type { DispatchTap } from '../recording/recorder.ts';
import { stopDispatch } from './dispatch-stop.ts';
import type { DestinationState, Dispatcher, DispatcherCounts, LinePlaceOf } from './dispatcher.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { DividedDestinations } from './divided-destinations.ts';
import type { ForecastAnswer, ForecastQuestion } from './forecast-question.ts';
import type { AdmittedJob, CancelVerdict } from './job-gate.ts';
import type { Lane } from './lane.ts';
import { assemble, type Machinery } from './machinery.ts';
import { recover, type RecoveryOptions, restorePaces, takeUpWork } from './recovery.ts';
import { waitingPlace, type WaitingPlace } from './waiting-notices.ts';

/** A dispatcher that holds every call to the pace of its keys. */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  return new PacedDispatcher({ ...parts, executor: guardedExecutor(parts.executor, parts) });
}

class PacedDispatcher implements Dispatcher {
  readonly name = 'dispatcher';
  readonly division: DividedDestinations;
  readonly #parts: DispatcherParts;
  readonly #machinery: Machinery;
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  constructor(parts: DispatcherParts) {
    const machinery = assemble(parts);
    this.#parts = parts;
    this.#machinery = machinery;
    this.division = machinery.division;
    parts.executor.onSent((token) => machinery.sender.began(token));
    parts.executor.onReports((reports) => machinery.reports.take(reports));
  }

  counts(): DispatcherCounts {
    const { calls, active } = this.#machinery;
    return { inFlight: calls.size, activeJobs: active.size };
  }

  stateOf(organization: Id, origin: string): DestinationState | null {
    const found = this.#machinery.destinations.find(organization, origin);
    if (found === null) return null;
    return stateOf(found.pacer, found.lanes.values());
  }

  *states(): ReturnType<Dispatcher['states']> {
    for (const { organization, origin, pacer, lanes } of this.#machinery.destinations.values()) {
      yield { organization, origin, ...stateOf(pacer, lanes.values()) };
    }
  }

  limitStateOf(organization: Id, name: string): DestinationState | null {
    const found = this.#machinery.limitKeys.find(limitKey(organization, name));
    return found === undefined ? null : stateOf(found.pacer, found.lanes);
  }

  waitOf({ organization, line, jobId, leg }: LinePlaceOf): WaitingPlace | null {
    const { clock } = this.#parts;
    const now = clock.monotonic();
    const lane = this.#machinery.destinations.findLane(organization, line);
    const place = lane === null ? null : waitingPlace(lane, { jobId, leg }, now);
    if (place === null || place.until === null) return place;
    return { ...place, until: Math.ceil(clock.now() + place.until - now) };
  }

  callOf(token: string): { readonly startedAt: number; readonly sentAt: number | null } | null {
    return this.#machinery.calls.get(token) ?? null;
  }

  forecast(question: ForecastQuestion): Promise<ForecastAnswer> {
    return this.#machinery.forecaster.ask(question);
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
    if (entry !== undefined) return this.#machinery.intake.submit(job, entry);
    return this.#machinery.replacements.submit(job);
  }

  async cancel(organization: Id, id: Id): Promise<CancelVerdict> {
    const { active, mover } = this.#machinery;
    const verdict = await active.withLatest(id, async (job) =>
      job.organization === organization ? await mover.move(job, { type: 'cancel' }) : null,
    );
    if (verdict?.verdict === 'ok') {
      this.#parts.tap?.cancelled(organization, id);
      return 'cancelled';
    }
    const known = await this.#parts.store.jobs.get(organization, id);
    return known === null ? 'unknown' : 'already_ended';
  }

  async prepare(slots: readonly number[]): Promise<void> {
    this.#machinery.active.forgetIdle();
    await restorePaces(this.#recoveryOptions(slots));
  }

  async gain(slots: readonly number[]): Promise<void> {
    const { destinations, handover, pump, stager } = this.#machinery;
    await this.#started;
    handover.stay(slots);
    if (slots.length > 0) await takeUpWork(this.#recoveryOptions(slots));
    pump.pumpAll(destinations.lanes());
    stager.wakeAt(this.#parts.clock.now());
  }

  leave(slots: readonly number[]): void {
    this.#machinery.handover.leave(slots);
    this.division.leave(slots);
  }

  underWayIn(slot: number): UnderWay {
    return this.#machinery.handover.underWayIn(slot);
  }

  found(lines: readonly PutLine[]): void {
    this.#machinery.others.found(lines);
  }

  async look(slots?: readonly number[]): Promise<void> {
    const { others, ownership } = this.#machinery;
    await others.look(slots ?? ownership.slots());
    if (slots === undefined) await others.lookAtCalls();
  }

  overtaken(id: Id): void {
    this.#machinery.others.overtaken(id);
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
    const { armer, destinations, ownership, paces, pump, stager } = this.#machinery;
    await recover(this.#recoveryOptions(ownership.slots()));
    armer.open();
    pump.start(destinations.lanes());
    paces.start();
    await stager.start();
  }

  async #stop(): Promise<void> {
    if (this.#started === null) return;
    await this.#started;
    await stopDispatch(this.#machinery, this.#parts);
  }

  #recoveryOptions(slots: readonly number[] | undefined): RecoveryOptions {
    const { store, clock } = this.#parts;
    const { active, destinations, limits, memory, mover, ownership, standing } = this.#machinery;
    return {
      slots,
      isAtHand: (token) => standing.isAtHand(token),
      owns: (organization, line) => ownership.owns(organization, line),
      work: store.work,
      jobs: store.jobs,
      active,
      mover,
      destinations,
      memory,
      maxTaught: limits.maxTaught,
      batchRows: limits.batchRows,
      now: () => clock.now(),
    };
  }
}

function stateOf({ pace, circuit }: KeyPacer, lanes: Iterable<Lane>): DestinationState {
  let waiting = 0;
  for (const { line, armed, door } of lanes) waiting += line.size + armed.length + door.length;
  return { pace, circuit, waiting };
}
