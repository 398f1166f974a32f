import type { JobExplanation, RunningAttemptView } from '@ezthrottle/core/protocol';
import { explainJob, lineOf, pathOfLeg, rank } from '@ezthrottle/engine';
import type { Clock, Id, JobReads, Leg, LiveJob } from '@ezthrottle/engine';
import type { Dispatcher } from '../../dispatch/dispatcher.ts';
import type { LimitRules } from '../../limits/limit-rules.ts';
import { jobIdOf, jobNotFound } from '../job-id.ts';
import type { Route } from '../route.ts';

export interface ExplainOptions {
  readonly jobs: JobReads;
  readonly dispatcher: Pick<Dispatcher, 'forecast' | 'callOf' | 'waitOf'>;
  readonly rules: Pick<LimitRules, 'settingsOf'>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Regions that are down now. */
  readonly downRegions: () => readonly string[];
}

/** Why a job waits, until when, and which rule to change; null: there is no such job. */
export type Explain = (organization: Id, jobId: Id) => Promise<JobExplanation | null>;

/** Asks the node that has the line; null: this one has it, or the other does not answer. */
export type AskOwner = (
  organization: Id,
  line: string,
  jobId: Id,
) => Promise<JobExplanation | null>;

type Explained = Parameters<typeof explainJob>[0];

export function explainJobRoute(explain: Explain): Route {
  return {
    method: 'GET',
    path: '/jobs/:id/explain',
    access: 'read',
    async handle(call, caller) {
      const body = await explain(caller.organization, jobIdOf(call));
      if (body === null) throw jobNotFound();
      return { status: 200, body };
    },
  };
}

/** @param askOwner Absent: this node has every line that is asked about. */
export function createExplain(options: ExplainOptions, askOwner?: AskOwner): Explain {
  const { jobs, clock } = options;
  return async (organization, jobId) => {
    const job = await jobs.get(organization, jobId);
    if (job === null) return null;
    const [live] = job.end === null ? await jobs.live([job.id]) : [];
    const path = live === undefined ? undefined : firstWaiting(live, options)?.path;
    if (askOwner !== undefined && path !== undefined) {
      const told = await askOwner(organization, lineOf(path), jobId);
      if (told !== null) return told;
    }
    const deliveries = await jobs.deliveries(job.id);
    const running = live === undefined ? [] : runningOf(live, options);
    const next = live === undefined ? null : await nextOf(live, options);
    const now = clock.now();
    // What was read first may have gone on meanwhile.
    const latest = (await jobs.get(organization, job.id)) ?? job;
    return explainJob({ job: latest, now, running, deliveries, next });
  };
}

function runningOf(
  { run }: Pick<LiveJob, 'run'>,
  { dispatcher }: ExplainOptions,
): readonly RunningAttemptView[] {
  return run.legs.flatMap((leg) => {
    const call = leg.state === 'armed' ? dispatcher.callOf(leg.token) : null;
    if (leg.state !== 'armed' || call === null) return [];
    const { attempt, path, region } = leg;
    return [{ attempt, path, region, started_at: call.sentAt }];
  });
}

/** Of the calls that wait, the one that is due first. */
function firstWaiting(
  job: LiveJob,
  { dispatcher }: ExplainOptions,
): { readonly leg: Leg; readonly path: NonNullable<ReturnType<typeof pathOfLeg>> } | null {
  const waiting = job.run.legs.filter(
    (leg) =>
      leg.state === 'waiting' || (leg.state === 'armed' && dispatcher.callOf(leg.token) === null),
  );
  const leg = waiting.toSorted((first, second) => readyAtOf(first) - readyAtOf(second))[0];
  const path = pathOfLeg(job.spec, leg);
  return leg === undefined || path === undefined ? null : { leg, path };
}

async function nextOf(job: LiveJob, options: ExplainOptions): Promise<Explained['next']> {
  const { dispatcher, rules, clock, downRegions } = options;
  const first = firstWaiting(job, options);
  if (first === null) return null;
  const { leg, path } = first;
  const readyAt = readyAtOf(leg);
  const answer = await dispatcher.forecast({
    organization: job.organization,
    jobId: job.id,
    leg: leg.id,
    line: lineOf(path),
    apiKey: job.apiKey,
    userId: job.spec.userId,
    rank: rank(job.spec.priority, readyAt),
    readyAt,
  });
  const { now, keys, ahead, standing, startsAt, isWhole } = answer;
  const wallOffset = clock.now() - clock.monotonic();
  return {
    keys,
    ahead,
    standing,
    startsAt,
    isWhole,
    leg,
    isRegionDown: downRegions().includes(leg.region),
    context: {
      origin: path.origin,
      now,
      toWall: (at) => Math.ceil(at + wallOffset),
      isLimit: (key) => rules.settingsOf(job.organization, key) !== null,
    },
  };
}

function readyAtOf(leg: Leg): number {
  return leg.state === 'waiting' ? leg.readyAt : Number.NEGATIVE_INFINITY;
}
