import type { FallbackJobRequest, JobRequest } from '../protocol/job.ts';
import type {
  ContinuationEdge,
  LocalPlan,
  Plan,
  PlannedContinuation,
  PlannedFallback,
  SubmitPlan,
} from '../protocol/plan.ts';
import { ConfigurationError } from '../errors.ts';
import { defined } from './defined.ts';
import { nestFallbacks } from './fallback-chain.ts';

/** One step and its compiled children. */
export type PlanParts = Omit<LocalPlan, 'kind' | 'timeout_ms' | 'forward_codes'>;

type Key = PlannedContinuation['at'][number];

interface Assembly {
  readonly edges: ContinuationEdge[];
  readonly continuations: PlannedContinuation[];
}

/**
 * One payload out of a step and its children: the fallbacks as a chain, each inside the one before;
 * children that are jobs nested; children that run here as the edges of one continuation.
 *
 * Throws `ConfigurationError` when something would run here afterwards and there is no way back.
 */
export function assembleJob(parts: PlanParts): SubmitPlan {
  const assembly: Assembly = { edges: [], continuations: [] };
  const root = { ...parts.job, ...attachChildren(parts, null, [], assembly) };
  const fallback = chainFallbacks(parts.fallbacks, assembly);
  const continuation = ownContinuation(parts, assembly.edges);
  return {
    kind: 'submit',
    job: { ...root, ...defined({ fallback_job: fallback }) },
    continuations: [...continuation, ...assembly.continuations],
  };
}

/**
 * The job of a FRUGAL step that is handed to the server.
 *
 * @param exhausted Positions of fallbacks that have already failed here. They are left out, and with
 *   them what follows their failure: the server would make their calls again.
 */
export function forwardPlan(plan: LocalPlan, exhausted: ReadonlySet<number>): SubmitPlan {
  const { kind: _, timeout_ms: __, forward_codes: ___, ...parts } = plan;
  const fallbacks = parts.fallbacks.filter((_fallback, index) => !exhausted.has(index));
  return assembleJob({ ...parts, fallbacks });
}

function chainFallbacks(
  fallbacks: readonly PlannedFallback[],
  assembly: Assembly,
): FallbackJobRequest | undefined {
  // Attached from the first on, so that edges stand in the order of their paths; chained from the last.
  const jobs = fallbacks.map((fallback, index): FallbackJobRequest => {
    const at: Key[] = fallbacks.slice(0, index + 1).map(() => 'fallback_job');
    return {
      ...fallback.job,
      ...defined({ trigger: fallback.trigger }),
      ...attachChildren(fallback, index + 1, at, assembly),
    };
  });
  return nestFallbacks(jobs);
}

function attachChildren(
  { on_success, on_failure }: Pick<PlanParts, 'on_success' | 'on_failure'>,
  path: number | null,
  at: readonly Key[],
  assembly: Assembly,
): Pick<JobRequest, 'on_success' | 'on_failure'> {
  return defined({
    on_success: attach(on_success, { on: 'success', path }, [...at, 'on_success'], assembly),
    on_failure: attach(on_failure, { on: 'failure', path }, [...at, 'on_failure'], assembly),
  });
}

function attach(
  plan: Plan | undefined,
  edge: Omit<ContinuationEdge, 'plan'>,
  at: readonly Key[],
  { edges, continuations }: Assembly,
): JobRequest | undefined {
  if (plan === undefined) return undefined;
  if (plan.kind === 'local') {
    edges.push({ ...edge, plan });
    return undefined;
  }
  for (const continuation of plan.continuations) {
    continuations.push({ ...continuation, at: [...at, ...continuation.at] });
  }
  return plan.job;
}

function ownContinuation(
  { endpoint, continuation_id: id }: PlanParts,
  edges: readonly ContinuationEdge[],
): readonly PlannedContinuation[] {
  if (edges.length === 0) return [];
  if (endpoint === null || id === null) {
    throw new ConfigurationError(
      'A FRUGAL step follows, and the job has no way back to it: give the step webhooks or ' +
        'continueAt(url), or the client the option continueAt.',
    );
  }
  return [{ at: [], content: { version: 1, id, endpoint, edges } }];
}
