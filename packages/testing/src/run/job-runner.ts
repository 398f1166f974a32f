import {
  accept,
  acceptedWakeAt,
  acceptedWork,
  armAccepted,
  armLeg,
  attemptCall,
  decide,
  handBack,
  heldKeyVerdict,
  legOf,
  lineId,
  lineOf,
  lineRef,
  nextWakeAt,
  pathOfLeg,
  planAdvance,
  planArming,
  queuedWork,
  type AdvanceOperation,
  type ArmedRef,
  type AttemptReport,
  type DecideContext,
  type Id,
  type IdempotencyClaim,
  type JobEvent,
  type JobSpec,
  type KeyUse,
  type LimitState,
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
import { type LimitKey, LIMITS } from '@ezthrottle/core/protocol';
import { sha256 } from '../digest.ts';
import { CallLine } from './call-line.ts';
import { Destinations, type Lane } from './destinations.ts';
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
  readonly #line: CallLine;
  /** Calls under way, by their tokens. */
  readonly #calls = new Map<string, { readonly abort: () => void; readonly sentAt: number }>();

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#destinations = new Destinations(parts);
    this.#line = new CallLine({
      clock: parts.clock,
      destinations: this.#destinations,
      jobOf: (armed) => this.#jobOf(armed),
      start: (job, armed, lane, uses) => this.#call(job, armed, lane, uses),
      giveUp: (job, armed) => this.#giveUp(job, armed),
      onLeft: (lane) => this.#pump(lane),
    });
  }

  /** Calls under way. */
  get inFlight(): number {
    return this.#calls.size;
  }

  submit(admitted: AdmittedJob): Verdict {
    const { spec, organization } = admitted;
    const context = this.#context(organization);
    const { now } = context;
    const accepted = accept(spec, context);
    const claims = new Map<number, Lane>();
    const tokenFor = ({ origin, leg }: NewWork): string | null => {
      const destination = this.#destinations.lane(organization, origin);
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

  /** A limit has changed: whoever waits there is looked at again. */
  limitChanged(organization: Id, limit: LimitKey): void {
    const key = this.#destinations.resettle(organization, limit);
    if (key === null) return;
    this.#line.wake(key);
    for (const lane of this.#destinations.lanesOf([key])) this.#pump(lane);
  }

  /** Where a limit stands; null: nothing is going on there. */
  limitState(organization: Id, limit: LimitKey): LimitState | null {
    return this.#destinations.stateOf(organization, limit);
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
    const touched = new Set<Lane>();
    for (const row of rows) {
      const destination = this.#destinations.lane(row.organization, row.origin);
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
    const context = this.#context(job.organization);
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
    for (const token of abort) this.#calls.get(token)?.abort();
    this.#queue(job, operation.putWork);
    for (const child of operation.children) this.#queue(child, child.work);
    return true;
  }

  #withdraw(job: LiveJob, leg: number): void {
    const path = pathOfLeg(job.spec, legOf(job.run, leg));
    if (path === undefined) return;
    const destination = this.#destinations.lane(job.organization, lineOf(path));
    destination.line.remove(lineId(job.id, leg));
    destination.armed = destination.armed.filter((armed) => {
      const isOther = armed.jobId !== job.id || armed.leg !== leg;
      if (!isOther) this.#line.withdraw(armed.token);
      return isOther;
    });
  }

  #queue(job: LineOwner, work: readonly NewWork[]): void {
    const touched = new Set<Lane>();
    for (const { state, origin, leg, rank } of work) {
      if (state !== 'ready') continue;
      const destination = this.#destinations.lane(job.organization, origin);
      const { id: jobId, apiKey, spec } = job;
      destination.line.push(lineRef({ jobId, leg, apiKey, userId: spec.userId, rank }));
      touched.add(destination);
    }
    for (const destination of touched) this.#pump(destination);
  }

  /** Sends what may go now, and arms what may go next. */
  #pump(lane: Lane): void {
    do {
      this.#line.offer(lane);
      this.#line.run();
    } while (this.#arm(lane));
    this.#lookAgain(lane);
  }

  /** In a pause nothing is armed that could ask: whoever stands in line has to be looked at then. */
  #lookAgain(lane: Lane): void {
    const { clock } = this.#parts;
    const now = clock.monotonic();
    lane.stopTimer?.();
    lane.stopTimer = null;
    if (lane.line.size === 0) return;
    const pauses = lane.keys.map(({ pacer }) => pacer.paceAhead(now).pausedUntil ?? now);
    const until = Math.max(...pauses);
    if (until > now && Number.isFinite(until)) {
      lane.stopTimer = clock.after(until - now, () => this.#pump(lane));
    }
  }

  /** Whether something was armed. */
  #arm(destination: Lane): boolean {
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

  #call(job: LiveJob, armed: ArmedRef, lane: Lane, uses: readonly KeyUse[]): void {
    const leg = legOf(job.run, armed.leg);
    const path = pathOfLeg(job.spec, leg);
    if (leg === undefined || path === undefined) return;
    this.#destinations.record(job.organization, lane.origin).left();
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
    const { network, clock } = this.#parts;
    const sentAt = clock.now();
    const abort = network.send(call, (report) => {
      this.#reported(armed, lane, uses, report);
    });
    this.#calls.set(armed.token, { abort, sentAt });
  }

  #sent(job: LiveJob, { leg, attempt }: ArmedRef): void {
    const { run, effects } = decide(
      job.spec,
      job.run,
      { type: 'sent', leg, attempt },
      this.#context(job.organization),
    );
    if (run === job.run) return;
    const wake = effects.findLast((effect) => effect.type === 'wake');
    this.#write({
      ...unchangedAdvance(job, run),
      wakeAt: wake === undefined ? job.wakeAt : wake.at,
    });
  }

  /** Nothing was sent: the attempt is taken back, and the job decided as one that came too late. */
  #giveUp(job: LiveJob, armed: ArmedRef): void {
    const now = this.#parts.clock.now();
    const back = handBack(job.run, armed, now);
    if (back === null) return;
    this.#write({
      ...unchangedAdvance(job, back.run),
      putWork: queuedWork(job.spec, back.run, armed.leg, now, now),
      ended: [back.ended],
    });
    this.wake(job.id);
  }

  #reported(armed: ArmedRef, lane: Lane, uses: readonly KeyUse[], report: AttemptReport): void {
    const { clock } = this.#parts;
    const { leg, attempt, token, jobId } = armed;
    const { outcome, response, startedAt, endedAt } = report;
    this.#calls.delete(token);
    const now = clock.monotonic();
    for (const use of uses) {
      use.pacer.ended(use, report, now, clock.now());
      this.#line.wake(use.pacer.key);
    }
    if (outcome.kind === 'response') {
      const record = this.#destinations.record(lane.organization, lane.origin);
      record.answered(endedAt - startedAt);
    }
    const reported = { attempt, leg, token, outcome, response, startedAt, endedAt };
    this.#move(jobId, { type: 'outcome', leg, attempt, token, outcome }, reported);
    for (const one of this.#destinations.lanesOf(uses.map(({ pacer }) => pacer.key)))
      this.#pump(one);
  }

  #context(organization: Id): PlanContext & DecideContext {
    const { clock, liveRegions, random, idempotencyWindowMs, schedule } = this.#parts;
    const deliveryDelaysMs = schedule.delaysMs;
    return {
      hedging: this.#destinations.hedging(organization),
      liveRegions,
      random,
      idempotencyWindowMs,
      deliveryDelaysMs,
      sha256,
      now: clock.now(),
      sentAt: (token) => this.#calls.get(token)?.sentAt ?? null,
    };
  }

  #write(operation: Operation): Verdict {
    const verdict = this.#parts.store.commitNow(operation);
    if (verdict.verdict === 'ok') return verdict;
    throw new Error(`the store answered ${JSON.stringify(verdict)} to ${operation.type}`);
  }
}
