import { accept, acceptedWakeAt, acceptedWork, armAccepted, placedSpec } from '@ezthrottle/engine';
import type { ArmedRef, AuditRecord, NewJob, NewWork, PartsOf, Verdict } from '@ezthrottle/engine';
import { accountOf } from '../admission/load-meter.ts';
import { type ActiveJob, activeJob } from './active-jobs.ts';
import type { ActiveJobs } from './active-jobs.ts';
import { type Armer, costsIn } from './armer.ts';
import type { Destinations } from './destinations.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { AdmittedJob } from './job-gate.ts';
import type { JobMover, LineOwner } from './job-mover.ts';
import type { Lane } from './lane.ts';
import { chooseForLegs, knownRegions } from '../regions/known-regions.ts';

export interface IntakeOptions {
  readonly parts: Pick<
    DispatcherParts,
    | 'clock'
    | 'committer'
    | 'divided'
    | 'liveRegions'
    | 'meter'
    | 'notices'
    | 'newToken'
    | 'ownership'
    | 'regions'
    | 'signals'
  >;
  readonly active: ActiveJobs;
  readonly destinations: Destinations;
  readonly armer: Armer;
  readonly mover: JobMover;
  /** The job is on disk: what is ready stands in line. Whether a part of it waits in memory. */
  readonly queued: (job: LineOwner, work: readonly NewWork[]) => boolean;
  readonly wakeAt: (at: number) => void;
  /** Called for each line that has something to send, or room again. */
  readonly onArmed: (lane: Lane) => void;
}

interface ArmedClaim {
  readonly lane: Lane;
  readonly ref: ArmedRef;
}

/** Takes jobs in: one write, with what can be sent soon armed in it. */
export class Intake {
  readonly #options: IntakeOptions;
  #submits = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Jobs that are being written. */
  get submits(): number {
    return this.#submits;
  }

  /** @param entry Goes into the audit log in the same write. Default: none. */
  async submit(job: AdmittedJob, entry: AuditRecord | null = null): Promise<Verdict> {
    const { submitted, claims } = this.#armAtOnce(this.#accepted(job), job.createdAt);
    const operation = { type: 'submit', job: submitted } as const;
    this.#submits += 1;
    // From before the first wait, so that many that come at one time do not all find the same room.
    this.#options.parts.meter?.taken(accountOf(submitted));
    let isTaken = false;
    try {
      const verdict = await this.#options.parts.committer.write(
        entry === null ? operation : { type: 'audited', operation, entry },
      );
      isTaken = verdict.verdict === 'ok';
      if (isTaken) this.#taken(submitted, claims);
      return verdict;
    } finally {
      this.#submits -= 1;
      if (!isTaken) this.#options.parts.meter?.untaken(accountOf(submitted));
      this.#unclaim(claims);
    }
  }

  #unclaim(claims: readonly ArmedClaim[]): void {
    const { armer, onArmed } = this.#options;
    for (const { lane } of claims) armer.unclaim(lane, 1);
    for (const { lane } of claims) onArmed(lane);
  }

  /** Takes a job in the place of one of which nothing was armed; null: too late for that. */
  async replace(holder: ActiveJob, job: AdmittedJob): Promise<Verdict | null> {
    const { mover, parts } = this.#options;
    const written = this.#accepted(job);
    this.#submits += 1;
    try {
      const verdict = await mover.replace(holder, written);
      if (verdict?.verdict === 'ok') {
        parts.meter?.taken(accountOf(job));
        this.#taken(written, []);
      }
      return verdict;
    } finally {
      this.#submits -= 1;
    }
  }

  /** As of the moment at which it came: a row says that moment once. */
  #accepted(job: AdmittedJob): NewJob {
    const { regions } = this.#options.parts;
    const liveRegions = this.#options.parts.liveRegions();
    const { organization, createdAt: now } = job;
    const { divided } = this.#options.parts;
    const partsOf: PartsOf | undefined =
      divided && ((owner, origin) => divided.partsOf(owner, origin));
    const spec = placedSpec(job.spec, job, partsOf);
    const accepted = accept(spec, { now, liveRegions, ...knownRegions(regions, organization) });
    chooseForLegs(regions, organization, spec, accepted.run);
    return {
      ...job,
      spec,
      run: accepted.run,
      work: acceptedWork(spec, accepted, now),
      armed: [],
      wakeAt: acceptedWakeAt(accepted),
      parent: null,
    };
  }

  /** Arms what can be sent soon within the submit's own write. */
  #armAtOnce(
    job: NewJob,
    now: number,
  ): { readonly submitted: NewJob; readonly claims: readonly ArmedClaim[] } {
    const { parts, destinations, armer } = this.#options;
    const claims: ArmedClaim[] = [];
    const claimed = new Map<number, Lane>();
    const isOnce = job.spec.repeat === 'never';
    const tokenFor = ({ origin, leg }: NewWork): string | null => {
      if (!this.#isOwn(job, origin)) return null;
      const lane = destinations.lane(job.organization, origin);
      if (!lane.line.isEmpty || armer.room(lane) < 1) return null;
      if (isOnce && !armer.isOpenFor(lane, costsIn(lane, job.spec.paths[0].limits))) return null;
      armer.claim(lane, 1);
      claimed.set(leg, lane);
      return parts.newToken();
    };
    const submitted = armAccepted(job, tokenFor, now);
    for (const { leg, attempt, token } of submitted.armed) {
      const lane = claimed.get(leg);
      if (lane === undefined) continue;
      claimed.delete(leg);
      claims.push({ lane, ref: { jobId: job.id, leg, attempt, token } });
    }
    // Claimed for a leg that could not be armed after all.
    for (const lane of claimed.values()) armer.unclaim(lane, 1);
    return { submitted, claims };
  }

  #isOwn({ organization }: NewJob, line: string): boolean {
    return this.#options.parts.ownership?.owns(organization, line) ?? true;
  }

  #taken(job: NewJob, claims: readonly ArmedClaim[]): void {
    const { active, mover, parts, queued, wakeAt } = this.#options;
    parts.notices.publish({ jobId: job.id, at: parts.clock.now(), type: 'queued' });
    parts.signals?.queued?.(job);
    const adopted = active.adopt(newlyActive(job));
    for (const { lane, ref } of claims) lane.armed.push(ref, job.apiKey);
    if (claims.length > 0) mover.watch(adopted);
    // Held meanwhile, since its turn may come at once.
    adopted.holds += 1;
    const isNext = queued(job, job.work) || claims.length > 0;
    adopted.holds -= 1;
    if (!isNext && job.work.every(({ origin }) => !this.#isOwn(job, origin))) {
      active.drop(adopted);
      return;
    }
    // One that waits behind a long line is not worth its memory: the store has it.
    if (isNext) active.release(adopted);
    else active.dismiss(adopted);
    if (job.wakeAt !== null) wakeAt(job.wakeAt);
  }
}

function newlyActive(job: NewJob): ActiveJob {
  const { id, organization, apiKey, spec, run, wakeAt, idempotency, parent } = job;
  const idempotentKey = idempotency.key;
  return activeJob({
    id,
    organization,
    apiKey,
    spec,
    run,
    version: 1,
    wakeAt,
    idempotentKey,
    parent,
  });
}
