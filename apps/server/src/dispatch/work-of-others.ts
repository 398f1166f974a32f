import { type Id, lineOf, pathOfLeg } from '@ezthrottle/engine';
import type { Ownership } from '../cluster/ownership.ts';
import type { PutLine } from '../cluster/peers.ts';
import type { ActiveJob, ActiveJobs } from './active-jobs.ts';
import type { RunningCalls } from './calls.ts';
import type { Destinations } from './destinations.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { JobMover } from './job-mover.ts';
import type { Lane } from './lane.ts';
import { forgetArmedOf } from './recovery.ts';

export interface WorkOfOthersOptions {
  readonly parts: Pick<DispatcherParts, 'clock' | 'executor' | 'logger' | 'store'>;
  readonly ownership: Ownership;
  readonly active: ActiveJobs;
  readonly calls: RunningCalls;
  readonly destinations: Destinations;
  readonly mover: JobMover;
  /** Whether the attempt of this token is known to be on its way here. */
  readonly isAtHand: (token: string) => boolean;
  /** Something stands in this line that memory did not know of. */
  readonly onFound: (lane: Lane) => void;
}

/** Calls that have run for so long are looked at, in milliseconds, and so many jobs at one time. */
const OLD_MS = 1_000;
const MOST_LOOKED_AT = 500;

/** What was written elsewhere and is to be done here: by another node, or by whoever moved a job first. */
export class WorkOfOthers {
  readonly #options: WorkOfOthersOptions;

  constructor(options: WorkOfOthersOptions) {
    this.#options = options;
  }

  /** Work stands in these lines. */
  found(lines: readonly PutLine[]): void {
    const { destinations, onFound, ownership } = this.#options;
    for (const { organization, origin, apiKey, userId } of lines) {
      if (!ownership.owns(organization, origin)) continue;
      const lane = destinations.lane(organization, origin);
      lane.line.addBacklog({ apiKey, userId });
      if (!lane.armed.has(apiKey)) lane.newcomers.add(apiKey);
      onFound(lane);
    }
  }

  /** Looks for work in these slots; undefined: in all. */
  async look(slots: readonly number[] | undefined): Promise<void> {
    const { destinations, parts } = this.#options;
    const lines = await parts.store.work.lines(slots);
    this.found(
      lines.filter(({ organization, origin, apiKey, userId, ready }) => {
        const lane = destinations.findLane(organization, origin);
        return lane === null || lane.line.isBehind({ apiKey, userId }, ready);
      }),
    );
  }

  /** Another node has moved this job on. */
  overtaken(id: Id): void {
    const { active } = this.#options;
    const job = active.get(id);
    if (job === undefined) return;
    active.lose(job);
    this.takeUp(id);
  }

  /** A job of which memory had a wrong copy: what the store has is taken up as after a crash. */
  takeUp(id: Id): void {
    const { active, parts } = this.#options;
    const takeUp = async (job: ActiveJob | null): Promise<void> => {
      this.#abortAllBut(id, job);
      if (job !== null) await this.#takeUp(job);
    };
    active.with(id, takeUp).catch((error: unknown) => {
      parts.logger.error(
        { event: 'job_not_taken_up', jobId: id, err: error },
        'a job could not be taken up again',
      );
    });
  }

  /** Looks whether jobs whose calls run here were moved on elsewhere: nobody may have told. */
  async lookAtCalls(): Promise<void> {
    const { calls, parts } = this.#options;
    const since = parts.clock.now() - OLD_MS;
    const old = [...calls.values()].filter(({ startedAt }) => startedAt <= since);
    const ids = [...new Set(old.map(({ jobId }) => jobId))].slice(0, MOST_LOOKED_AT);
    if (ids.length === 0) return;
    const live = new Set((await parts.store.jobs.live(ids)).map(({ id }) => id));
    for (const id of ids) if (!live.has(id)) this.overtaken(id);
  }

  /** Calls of a job that it has no use for any more. */
  #abortAllBut(id: Id, job: ActiveJob | null): void {
    const { calls, parts } = this.#options;
    const armed = new Set(
      (job?.run.legs ?? []).flatMap((leg) => (leg.state === 'armed' ? [leg.token] : [])),
    );
    const tokens = [...calls.values()]
      .filter(({ jobId, token }) => jobId === id && !armed.has(token))
      .map(({ token }) => token);
    if (tokens.length > 0) parts.executor.abort(tokens);
  }

  async #takeUp(job: ActiveJob): Promise<void> {
    const { isAtHand, mover, ownership, parts } = this.#options;
    const { organization, apiKey, spec } = job;
    this.#rememberSent(job);
    await forgetArmedOf(job, mover, parts.clock.now(), {
      isAtHand,
      owns: (line) => ownership.owns(organization, line),
    });
    const lines = job.run.legs.flatMap((leg) => {
      const waiting = leg.state === 'waiting' ? pathOfLeg(spec, leg) : undefined;
      return waiting === undefined ? [] : [lineOf(waiting)];
    });
    this.found(lines.map((origin) => ({ organization, apiKey, userId: spec.userId, origin })));
  }

  /** What only memory knew of its calls under way: when they went out, and what follows from that. */
  #rememberSent(job: ActiveJob): void {
    const { calls, mover } = this.#options;
    for (const leg of job.run.legs) {
      if (leg.state !== 'armed' || !calls.has(leg.token)) continue;
      const { id, attempt, token } = leg;
      mover.sent(job, { jobId: job.id, leg: id, attempt, token });
    }
    mover.watch(job);
  }
}
