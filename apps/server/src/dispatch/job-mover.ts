import {
  armLeg,
  decide,
  handBack,
  lineOf,
  mayHedge,
  pathOfLeg,
  planAdvance,
  planArming,
  queuedWork,
  unchangedAdvance,
} from '@ezthrottle/engine';
import type {
  AdvancePlan,
  ArmedRef,
  DecideContext,
  EndedAttempt,
  Hedging,
  Id,
  JobEvent,
  NewJob,
  NewWork,
  PartsOf,
  PlanContext,
  ReportedAttempt,
  Verdict,
} from '@ezthrottle/engine';
import { accountOf } from '../admission/load-meter.ts';
import { jobResult } from '../deliver/job-result.ts';
import { pendingDelivery } from '../deliver/pending-delivery.ts';
import type { ActiveJob, ActiveJobs } from './active-jobs.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import { jobNotices } from './job-notices.ts';
import { sha256 } from './sha256.ts';
import type { JobNotice } from '../realtime/job-event.ts';
import { chooseForLegs, knownRegions } from '../regions/known-regions.ts';

/** A job whose legs are put in line. */
export type LineOwner = Pick<NewJob, 'id' | 'organization' | 'apiKey' | 'spec'>;

/** What the mover tells the rest of the dispatcher. */
export interface MoverListener {
  /** These rows are on disk: ready ones stand in line, delayed ones will. */
  queued(job: LineOwner, work: readonly NewWork[]): void;
  /** Decided, not yet on disk: this leg must not be armed or sent any more. */
  withdrawn(job: ActiveJob, leg: number): void;
  /** On disk: these attempts are to be stopped, if they are under way. */
  abort(tokens: readonly string[]): void;
  /** Whether the call of this token is under way here. */
  isRunning(token: string): boolean;
  /** When the call of this token went out, in milliseconds since the epoch; null when it did not; else another node knows. */
  sentAt(job: ActiveJob, token: string): EndedAttempt['startedAt'];
  /** What is known of the calls of this organization. */
  hedging(organization: Id): Hedging;
  /** A job that must be decided again at this moment was written. */
  wakeAt(at: number): void;
  /** The copy in memory was wrong and is gone; the store has the right one. */
  lost(id: Id): void;
}

/** Moments that are nearer get a timer of their own, in milliseconds. */
const NEAR_MS = 60_000;

/**
 * Moves jobs on: decides in memory at once, writes what follows in the order of the decisions, and
 * does the rest once that is on disk. Events of one job that come meanwhile build on each other.
 */
export class JobMover {
  readonly #parts: Omit<DispatcherParts, 'limits'>;
  readonly #active: ActiveJobs;
  readonly #listener: MoverListener;
  readonly #partsOf: PartsOf | undefined;
  #writes = 0;

  constructor(parts: Omit<DispatcherParts, 'limits'>, active: ActiveJobs, listener: MoverListener) {
    this.#parts = parts;
    const { divided } = parts;
    this.#partsOf = divided && ((organization, origin) => divided.partsOf(organization, origin));
    this.#active = active;
    this.#listener = listener;
  }

  /** Writes under way. */
  get writes(): number {
    return this.#writes;
  }

  /** The first byte goes out now. Only remembered: the next write carries it along. */
  sent(job: ActiveJob, armed: ArmedRef): void {
    const event: JobEvent = { type: 'sent', leg: armed.leg, attempt: armed.attempt };
    const { run, effects } = decide(job.spec, job.run, event, this.#context(job));
    job.run = run;
    for (const effect of effects) if (effect.type === 'wake') this.#setWake(job, effect.at);
  }

  /** Null when nothing followed from the event; else the verdict on what was written. */
  async move(
    job: ActiveJob,
    event: JobEvent,
    reported: ReportedAttempt | null = null,
  ): Promise<Verdict | null> {
    if (job.isLost || job.run.end !== null) return null;
    const before = job.run;
    const context = this.#context(job);
    const decision = decide(job.spec, before, event, context);
    const isSame = decision.run === before && decision.effects.length === 0;
    // A timer that is behind on disk would come due there again and again.
    const isTimerBehind = job.wakeAt !== job.storedWakeAt && job.pending === 0;
    if (isSame && !(event.type === 'wake' && isTimerBehind)) return null;
    if (!isSame) chooseForLegs(this.#parts.regions, job.organization, job.spec, decision.run);
    const { version, wakeAt } = job;
    const moved = { job, before, decision, version, wakeAt, reported: isSame ? null : reported };
    const plan = planAdvance(moved, context);
    const notices = jobNotices(moved, plan.operation, context.now);
    for (const effect of decision.effects) {
      if (effect.type === 'withdraw') this.#listener.withdrawn(job, effect.leg);
    }
    return await this.#write(job, plan, notices);
  }

  /**
   * Cancels a job and takes another one under its key, in one write. Null when it was armed or has ended:
   * then nothing is written.
   */
  async replace(job: ActiveJob, by: NewJob): Promise<Verdict | null> {
    if (job.isLost || job.run.end !== null || job.run.attempts > 0) return null;
    const { run: before, version, wakeAt } = job;
    const context = this.#context(job);
    const decision = decide(job.spec, before, { type: 'cancel' }, context);
    const moved = { job, before, decision, version, wakeAt, reported: null };
    const plan = planAdvance(moved, context);
    const notices = jobNotices(moved, plan.operation, context.now);
    for (const effect of decision.effects) {
      if (effect.type === 'withdraw') this.#listener.withdrawn(job, effect.leg);
    }
    return await this.#write(job, plan, notices, by);
  }

  /** Gives a waiting leg its attempt; null when it does not wait any more or was refused. */
  async arm(job: ActiveJob, leg: number): Promise<ArmedRef | null> {
    const { newToken, clock } = this.#parts;
    const arming = job.isLost ? null : armLeg(job, leg, newToken(), clock.now());
    if (arming === null) return null;
    const { attempt, token } = arming.armed;
    const verdict = await this.#write(job, { operation: planArming(job, arming), abort: [] });
    return verdict.verdict === 'ok' ? { jobId: job.id, leg, attempt, token } : null;
  }

  /** Puts an armed attempt that was never sent back in line, as if it had not been armed. */
  async handBack(job: ActiveJob, armed: ArmedRef): Promise<Verdict | null> {
    const now = this.#parts.clock.now();
    const back = handBack(job.run, armed, now);
    if (back === null || job.isLost) return null;
    const operation = {
      ...unchangedAdvance(job, back.run),
      putWork: queuedWork(job.spec, back.run, armed.leg, now, now),
      ended: [back.ended],
    };
    return await this.#write(job, { operation, abort: [] });
  }

  /** Starts the timer of a job that has just come to be in use. */
  watch(job: ActiveJob): void {
    if (job.stopTimer === null) this.#setWake(job, job.wakeAt);
  }

  #context(job: ActiveJob): DecideContext & PlanContext {
    const { clock, liveRegions, regions, random, idempotencyWindowMs, deliveryDelaysMs } =
      this.#parts;
    return {
      ...(mayHedge(job.spec) && { hedging: this.#listener.hedging(job.organization) }),
      now: clock.now(),
      liveRegions: liveRegions(),
      ...knownRegions(regions, job.organization),
      partsOf: this.#partsOf,
      random,
      idempotencyWindowMs,
      deliveryDelaysMs,
      sha256,
      sentAt: (token) => this.#listener.sentAt(job, token),
    };
  }

  async #write(
    job: ActiveJob,
    plan: AdvancePlan,
    notices: readonly JobNotice[] = [],
    replacedBy: NewJob | null = null,
  ): Promise<Verdict> {
    const { operation } = plan;
    job.run = operation.run;
    job.version += 1;
    job.pending += 1;
    this.#setWake(job, operation.wakeAt);
    this.#writes += 1;
    try {
      const verdict = await this.#parts.committer.write(
        replacedBy === null ? operation : { type: 'replace', ending: operation, job: replacedBy },
      );
      job.pending -= 1;
      if (verdict.verdict === 'ok') {
        job.storedWakeAt = operation.wakeAt;
        this.#follow(job, plan, notices);
      } else {
        // What was refused of a pair may have been the other one.
        this.#lose(job, replacedBy === null ? verdict : { verdict: 'stale' });
      }
      return verdict;
    } finally {
      this.#writes -= 1;
      this.#active.release(job);
    }
  }

  #follow(job: ActiveJob, { operation, abort }: AdvancePlan, notices: readonly JobNotice[]): void {
    const { deliverer, meter, notices: told, peers, signals } = this.#parts;
    if (abort.length > 0) this.#listener.abort(abort);
    const { putWork, children, deliveries } = operation;
    if (peers !== undefined && this.#isElsewhereToo(job, abort)) peers.moved(job.id);
    if (putWork.length > 0) this.#listener.queued(job, putWork);
    if (operation.end !== null) {
      meter?.ended(accountOf(job));
      signals?.ended?.(job, operation.end, job.run.acceptedAt);
    }
    for (const child of children) {
      meter?.taken(accountOf(child));
      signals?.queued?.(child);
      this.#listener.queued(child, child.work);
      if (child.wakeAt !== null) this.#listener.wakeAt(child.wakeAt);
      told.publish({ jobId: child.id, at: child.createdAt, type: 'queued' });
    }
    if (operation.wakeAt !== null) this.#listener.wakeAt(operation.wakeAt);
    if (deliveries.length > 0) {
      const createdAt = operation.end?.at ?? this.#parts.clock.now();
      const { end, ended } = operation;
      const region = (attempt: number): string | null =>
        job.run.legs.find((leg) => leg.state === 'ended' && leg.attempt === attempt)?.region ??
        null;
      deliverer.offer(
        deliveries.map((delivery) => pendingDelivery(job, delivery, createdAt)),
        end !== null ? jobResult({ ...job, end }, ended, region) : null,
      );
    }
    for (const notice of notices) told.publish(notice);
  }

  /** Whether another node may have a copy of it that acts by itself: with something armed. */
  #isElsewhereToo({ organization, spec, run }: ActiveJob, abort: readonly string[]): boolean {
    const { ownership } = this.#parts;
    if (ownership === undefined) return false;
    if (abort.some((token) => !this.#listener.isRunning(token))) return true;
    return run.legs.some((leg) => {
      const target = pathOfLeg(spec, leg);
      return (
        leg.state === 'armed' &&
        target !== undefined &&
        !ownership.owns(organization, lineOf(target))
      );
    });
  }

  /** Somebody else moved this job, or the store refused the write: only the store knows it now. */
  #lose(job: ActiveJob, verdict: Verdict): void {
    const isFirst = !job.isLost;
    this.#active.lose(job);
    if (!isFirst) return;
    // Where several nodes move one job, each of them is behind now and then.
    if (this.#parts.peers === undefined) {
      this.#parts.logger.warn(
        { event: 'job_out_of_step', jobId: job.id, verdict },
        'a job was not where memory had it',
      );
    }
    // A write that the store refuses would be refused again.
    if (verdict.verdict === 'stale') this.#listener.lost(job.id);
  }

  #setWake(job: ActiveJob, at: number | null): void {
    if (job.wakeAt === at && job.stopTimer !== null) return;
    job.stopTimer?.();
    job.stopTimer = null;
    job.wakeAt = at;
    if (at === null || job.isLost || job.run.end !== null) return;
    // The store finds it when its moment comes: most jobs have ended long before their deadline.
    const isFar = at === job.storedWakeAt && at - this.#parts.clock.now() > NEAR_MS;
    if (!isFar) this.#startTimer(job, at);
  }

  #startTimer(job: ActiveJob, at: number): void {
    const { clock, logger } = this.#parts;
    job.stopTimer = clock.after(Math.max(0, at - clock.now()), () => {
      job.stopTimer = null;
      // The wall clock went back, or the timer of the runtime was early.
      if (clock.now() < at) {
        this.#startTimer(job, at);
        return;
      }
      this.move(job, { type: 'wake' }).catch((error: unknown) => {
        logger.error(
          { event: 'job_timer_failed', jobId: job.id, err: error },
          'a timer of a job could not be decided',
        );
      });
    });
  }
}
