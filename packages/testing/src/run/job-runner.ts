import {
  accept,
  acceptedWakeAt,
  acceptedWork,
  admit,
  armAccepted,
  armLeg,
  attemptCall,
  decide,
  feedback,
  heldKeyVerdict,
  legOf,
  lineId,
  lineRef,
  nextWakeAt,
  planAdvance,
  planArming,
  release,
  type AdvanceOperation,
  type ArmedRef,
  type AttemptReport,
  type Id,
  type IdempotencyClaim,
  type JobEvent,
  type JobSpec,
  type LiveJob,
  type NewJob,
  type NewWork,
  type Operation,
  type PlanContext,
  type ReportedAttempt,
  type Verdict,
  type WorkRow,
  unchangedAdvance,
} from '@ezthrottle/engine';
import { LIMITS } from '@ezthrottle/core/protocol';
import { sha256 } from '../digest.ts';
import { type Destination, Destinations } from './destinations.ts';
import type { RunParts } from './rules.ts';

/** A job that passed validation, not yet taken. */
export interface AdmittedJob {
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly spec: JobSpec;
  readonly idempotency: IdempotencyClaim;
  readonly createdAt: number;
}

type LineOwner = Pick<NewJob, 'id' | 'organization' | 'apiKey' | 'spec'>;

/** Runs jobs by the engine's rules, each step at once and in one piece. Time is moved by others. */
export class JobRunner {
  readonly #parts: RunParts;
  readonly #destinations: Destinations;
  readonly #aborts = new Map<string, () => void>();

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#destinations = new Destinations(parts);
  }

  /** Calls under way. */
  get inFlight(): number {
    return this.#aborts.size;
  }

  submit(admitted: AdmittedJob): Verdict {
    const { now } = this.#context();
    const { spec, organization } = admitted;
    const accepted = accept(spec, this.#context());
    const claims = new Map<number, Destination>();
    const tokenFor = ({ origin, leg }: NewWork): string | null => {
      const destination = this.#destinations.get(organization, origin);
      if (destination.line.size > 0 || this.#destinations.room(destination) < 1) return null;
      destination.arming += 1;
      claims.set(leg, destination);
      return this.#parts.newToken();
    };
    const { run } = accepted;
    const work = acceptedWork(spec, accepted, now);
    const wakeAt = acceptedWakeAt(accepted);
    const job = armAccepted(
      { ...admitted, run, work, armed: [], wakeAt, parent: null },
      tokenFor,
      now,
    );
    const verdict = this.#take(job);
    for (const destination of claims.values()) destination.arming -= 1;
    if (verdict.verdict !== 'ok') return verdict;
    for (const { leg, attempt, token } of job.armed) {
      claims.get(leg)?.armed.push({ jobId: job.id, leg, attempt, token });
    }
    for (const destination of claims.values()) this.#pump(destination);
    this.#queue(job, job.work);
    return verdict;
  }

  #take(job: NewJob): Verdict {
    const { store } = this.#parts;
    const verdict = store.commitNow({ type: 'submit', job });
    if (verdict.verdict !== 'duplicate') return verdict;
    const held = heldKeyVerdict(job.spec, verdict);
    const holder = held.verdict === 'replace' ? store.jobs.liveOne(held.jobId) : null;
    if (holder === null) return verdict;
    let replaced: Verdict = verdict;
    this.#move(holder.id, { type: 'cancel' }, null, (ending) => {
      replaced = this.#write({ type: 'replace', ending, job });
    });
    return replaced;
  }

  /** False when the job has ended already, or is not known. */
  cancel(id: Id): boolean {
    return this.#move(id, { type: 'cancel' });
  }

  /** A moment has come at which the job is to be decided again. */
  wake(id: Id): void {
    if (this.#move(id, { type: 'wake' })) return;
    const job = this.#parts.store.jobs.liveOne(id);
    if (job === null) return;
    const next = nextWakeAt(job.spec, job.run);
    const isAhead = next !== null && next > this.#parts.clock.now();
    this.#write({ ...unchangedAdvance(job, job.run), wakeAt: isAhead ? next : null });
  }

  /** Legs whose delay is over stand in line now. */
  stage(rows: readonly WorkRow[]): void {
    this.#write({ type: 'stage', rows });
    const touched = new Set<Destination>();
    for (const row of rows) {
      const destination = this.#destinations.get(row.organization, row.origin);
      destination.line.push(lineRef(row));
      touched.add(destination);
    }
    for (const destination of touched) this.#pump(destination);
  }

  /** Whether anything followed from the event. */
  #move(
    id: Id,
    event: JobEvent,
    reported: ReportedAttempt | null = null,
    write: (operation: AdvanceOperation) => void = (operation) => this.#write(operation),
  ): boolean {
    const job = this.#parts.store.jobs.liveOne(id);
    if (job === null) return false;
    const context = this.#context();
    const decision = decide(job.spec, job.run, event, context);
    if (decision.run === job.run && decision.effects.length === 0) return false;
    const { version, wakeAt, run: before } = job;
    const { operation, abort } = planAdvance(
      { job, version, wakeAt, before, decision, reported },
      context,
    );
    for (const effect of decision.effects) {
      if (effect.type === 'withdraw') this.#withdraw(job, effect.leg);
    }
    write(operation);
    for (const token of abort) this.#aborts.get(token)?.();
    this.#queue(job, operation.putWork);
    for (const child of operation.children) this.#queue(child, child.work);
    return true;
  }

  #withdraw(job: LiveJob, leg: number): void {
    const path = job.spec.paths[legOf(job.run, leg)?.path ?? -1];
    if (path === undefined) return;
    const destination = this.#destinations.get(job.organization, path.origin);
    destination.line.remove(lineId(job.id, leg));
    destination.armed = destination.armed.filter(
      (armed) => armed.jobId !== job.id || armed.leg !== leg,
    );
  }

  #queue(job: LineOwner, work: readonly NewWork[]): void {
    const touched = new Set<Destination>();
    for (const { state, origin, leg, rank } of work) {
      if (state !== 'ready') continue;
      const destination = this.#destinations.get(job.organization, origin);
      const { id: jobId, apiKey, spec } = job;
      destination.line.push(lineRef({ jobId, leg, apiKey, userId: spec.userId, rank }));
      touched.add(destination);
    }
    for (const destination of touched) this.#pump(destination);
  }

  /** Sends what may go now, and arms what may go next. */
  #pump(destination: Destination): void {
    do this.#send(destination);
    while (this.#arm(destination));
  }

  #send(destination: Destination): void {
    const { clock } = this.#parts;
    destination.stopTimer?.();
    destination.stopTimer = null;
    const now = clock.monotonic();
    for (let head = destination.armed[0]; head !== undefined; head = destination.armed[0]) {
      const job = this.#jobOf(head);
      if (job === null) {
        destination.armed.shift();
        continue;
      }
      const verdict = admit([{ key: destination.key, state: destination.pace }], now);
      if (verdict.verdict === 'wait') {
        if (verdict.until !== null) this.#lookAgain(destination, verdict.until);
        return;
      }
      destination.armed.shift();
      destination.pace = verdict.states[0]?.state ?? destination.pace;
      this.#call(job, head, destination);
    }
    const { pausedUntil } = destination.pace;
    // In a pause nothing is armed that could ask: whoever stands in line has to be looked at then.
    if (destination.line.size > 0 && pausedUntil !== null && pausedUntil > now) {
      this.#lookAgain(destination, pausedUntil);
    }
  }

  #lookAgain(destination: Destination, until: number): void {
    const { clock } = this.#parts;
    destination.stopTimer = clock.after(until - clock.monotonic(), () => this.#pump(destination));
  }

  /** Whether something was armed. */
  #arm(destination: Destination): boolean {
    const room = this.#destinations.room(destination);
    if (room < destination.armed.length) return false;
    let count = 0;
    while (count < room) {
      const ref = destination.line.next();
      if (ref === null) break;
      const job = this.#parts.store.jobs.liveOne(ref.jobId);
      const now = this.#parts.clock.now();
      const arming = job && armLeg(job, ref.leg, this.#parts.newToken(), now);
      if (job === null || arming === null) continue;
      this.#write(planArming(job, arming));
      const { leg, attempt, token } = arming.armed;
      destination.armed.push({ jobId: job.id, leg, attempt, token });
      count += 1;
    }
    return count > 0;
  }

  /** The job of an attempt that is still to be sent. */
  #jobOf(armed: ArmedRef): LiveJob | null {
    const job = this.#parts.store.jobs.liveOne(armed.jobId);
    const leg = job === null ? undefined : legOf(job.run, armed.leg);
    return leg?.state === 'armed' && leg.token === armed.token ? job : null;
  }

  #call(job: LiveJob, armed: ArmedRef, destination: Destination): void {
    const leg = legOf(job.run, armed.leg);
    const path = job.spec.paths[leg?.path ?? -1];
    if (leg === undefined || path === undefined) return;
    this.#sent(job, armed);
    const call = attemptCall({
      jobId: job.id,
      idempotentKey: job.idempotentKey,
      sendIdempotencyKey: job.spec.sendIdempotencyKey,
      path,
      attempt: armed.attempt,
      token: armed.token,
      region: leg.region,
      maxResponseBytes: LIMITS.responseBytes,
    });
    const abort = this.#parts.network.send(call, (report) => {
      this.#reported(armed, destination, report);
    });
    this.#aborts.set(armed.token, abort);
  }

  #sent(job: LiveJob, { leg, attempt }: ArmedRef): void {
    const { run, effects } = decide(
      job.spec,
      job.run,
      { type: 'sent', leg, attempt },
      this.#context(),
    );
    if (run === job.run) return;
    const wake = effects.findLast((effect) => effect.type === 'wake');
    this.#write({
      ...unchangedAdvance(job, run),
      wakeAt: wake === undefined ? job.wakeAt : wake.at,
    });
  }

  #reported(armed: ArmedRef, destination: Destination, report: AttemptReport): void {
    const { clock } = this.#parts;
    const { leg, attempt, token, jobId } = armed;
    const { outcome, response, startedAt, endedAt } = report;
    this.#aborts.delete(token);
    const freed = release(destination.pace);
    destination.pace =
      outcome.kind === 'response'
        ? feedback(freed, outcome, clock.monotonic(), clock.now())
        : freed;
    const reported = { attempt, leg, token, outcome, response, startedAt, endedAt };
    this.#move(jobId, { type: 'outcome', leg, attempt, token, outcome }, reported);
    this.#pump(destination);
  }

  #context(): PlanContext & { readonly random: () => number } {
    const { clock, liveRegions, random, idempotencyWindowMs, schedule } = this.#parts;
    const deliveryDelaysMs = schedule.delaysMs;
    return {
      liveRegions,
      random,
      idempotencyWindowMs,
      deliveryDelaysMs,
      sha256,
      now: clock.now(),
    };
  }

  #write(operation: Operation): Verdict {
    const verdict = this.#parts.store.commitNow(operation);
    if (verdict.verdict === 'ok') return verdict;
    throw new Error(`the store answered ${JSON.stringify(verdict)} to ${operation.type}`);
  }
}
