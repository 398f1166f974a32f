import { deriveId } from '../admit/derive-id.ts';
import type { DigestContext } from '../admit/digest.ts';
import { childIdempotencyClaim } from '../admit/idempotency.ts';
import { accept } from '../decide/accept.ts';
import type { AcceptContext, Decision, LiveRegions } from '../decide/decision.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Id, NewJob } from '../ports/operation.ts';
import { type PartsOf, placedSpec } from './place-job.ts';
import { queuedWork } from './queued-work.ts';

export interface SpawnContext extends DigestContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly liveRegions: LiveRegions;
  readonly reachable?: AcceptContext['reachable'] | undefined;
  /** Absent: no destination is divided. */
  readonly partsOf?: PartsOf | undefined;
  /** How long a child's key stays taken after it has ended, in milliseconds. Default 24 h. */
  readonly idempotencyWindowMs?: number | undefined;
}

/** A child as it is written. Its id follows from its parent: making it twice makes one. */
export function spawnedJob(
  parent: {
    readonly id: Id;
    readonly organization: Id;
    readonly apiKey: Id;
    readonly spec?: Pick<JobSpec, 'trace'>;
  },
  edge: string,
  spawned: JobSpec,
  context: SpawnContext,
): NewJob {
  const trace = parent.spec?.trace;
  const traced = trace === undefined ? spawned : { ...spawned, trace };
  const spec = placedSpec(traced, parent, context.partsOf);
  const { now, liveRegions, reachable } = context;
  const accepted = accept(spec, { now, liveRegions, ...(reachable && { reachable }) });
  const origin = { id: parent.id, edge };
  const { idempotencyWindowMs: windowMs, sha256 } = context;
  const { apiKey } = parent;
  const digest = windowMs === undefined ? { sha256, apiKey } : { sha256, apiKey, windowMs };
  return {
    id: deriveId(parent.id, edge, { sha256 }),
    organization: parent.organization,
    apiKey: parent.apiKey,
    spec,
    run: accepted.run,
    work: acceptedWork(spec, accepted, context.now),
    armed: [],
    wakeAt: acceptedWakeAt(accepted),
    idempotency: childIdempotencyClaim(traced, parent.organization, origin, digest),
    parent: origin,
    createdAt: context.now,
  };
}

/** Rows of the legs that a new job puts in line. */
export function acceptedWork(
  spec: JobSpec,
  { run, effects }: Decision,
  now: number,
): NewJob['work'] {
  return effects.flatMap((effect) =>
    effect.type === 'enqueue' ? queuedWork(spec, run, effect.leg, effect.readyAt, now) : [],
  );
}

export function acceptedWakeAt({ effects }: Decision): number | null {
  return effects.findLast((effect) => effect.type === 'wake')?.at ?? null;
}
