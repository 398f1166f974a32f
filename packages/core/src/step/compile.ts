import type { LocalPlan, Plan, PlannedFallback } from '../protocol/plan.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { DEFAULTS, LIMITS } from '../protocol/limits.ts';
import { StepValidationError } from '../errors.ts';
import { assembleJob, type PlanParts } from './assemble-job.ts';
import { checkContinuationSizes } from './continuation-size.ts';
import { defined } from './defined.ts';
import { fallbackChain, type ChainLink } from './fallback-chain.ts';
import { keyOf, ownFields, triggerOf } from './own-fields.ts';
import { DEFAULT_FORWARD_CODES, StepType, type StepNode } from './step-node.ts';
import { validateStep } from './validate.ts';
import { wayBack } from './way-back.ts';

export interface CompileOptions {
  /** A new random id at each call: keys of UNIQUE steps, names of continuations. */
  readonly createId: () => string;
  /** Endpoint for what follows jobs that have no webhook of their own. */
  readonly continueAt?: string;
  /** Whether there is a key to seal continuations with. */
  readonly canSeal: boolean;
}

/** A plan without ids of its own, and what it was compiled for. */
interface KnownPlan extends Pick<CompileOptions, 'continueAt' | 'canSeal'> {
  readonly plan: Plan;
}

/** A step never changes, so its plan is good for every further run. */
const knownPlans = new WeakMap<StepNode, KnownPlan>();

/**
 * The plan of a step tree. Linear in the number of steps: the same tree and the same ids give the same
 * plan, which is kept when it has no ids, as long as its step is.
 *
 * PERFORMANCE steps that hang together become one payload; a FRUGAL step under one of them becomes a
 * continuation of the job it follows; a PERFORMANCE step under a FRUGAL one is a plan of its own.
 *
 * Throws `StepValidationError` with every problem of the tree.
 */
export function compile({ node }: { readonly node: StepNode }, options: CompileOptions): Plan {
  const { canSeal, continueAt } = options;
  const known = knownPlans.get(node);
  if (known?.canSeal === canSeal && known.continueAt === continueAt) return known.plan;
  refuse(validateStep(node, options));
  let isNew = false;
  const createId = (): string => {
    isNew = true;
    return options.createId();
  };
  const plan = compileNode(node, { ...options, createId });
  refuse(checkContinuationSizes(plan, LIMITS.metadataBytes));
  if (!isNew && Object.isFrozen(node))
    knownPlans.set(node, { plan, canSeal, ...defined({ continueAt }) });
  return plan;
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new StepValidationError(problems);
}

function compileNode(step: StepNode, options: CompileOptions): Plan {
  if (step.type !== StepType.FRUGAL) {
    return assembleJob(compileParts(step, StepType.PERFORMANCE, options));
  }
  const local: LocalPlan = {
    kind: 'local',
    ...compileParts(step, StepType.FRUGAL, options),
    timeout_ms: step.timeout ?? DEFAULTS.attemptTimeoutMs,
    forward_codes: step.fallbackOnError ?? DEFAULT_FORWARD_CODES,
  };
  return local;
}

/** Everything of one step, its children compiled, before it is decided who runs it. */
function compileParts(step: StepNode, type: StepType, options: CompileOptions): PlanParts {
  const job = ownFields(step, type, keyOf(step, options.createId));
  const children = compileChildren(step, options);
  const fallbacks = fallbackChain(step, type).map((link) => compileFallback(link, options));
  const needsWayBack = [children, ...fallbacks].some(
    ({ on_success, on_failure }) => on_success?.kind === 'local' || on_failure?.kind === 'local',
  );
  const way = needsWayBack ? wayBack(step, options.continueAt ?? null) : null;
  return {
    job: way === null ? job : { ...job, webhooks: way.webhooks },
    fallbacks,
    endpoint: way?.endpoint ?? null,
    continuation_id: way === null ? null : options.createId(),
    ...children,
  };
}

function compileChildren(
  { onSuccess, onFailure }: StepNode,
  options: CompileOptions,
): Pick<PlanParts, 'on_success' | 'on_failure'> {
  return defined({
    on_success: onSuccess === undefined ? undefined : compileNode(onSuccess, options),
    on_failure: onFailure === undefined ? undefined : compileNode(onFailure, options),
  });
}

function compileFallback(link: ChainLink, options: CompileOptions): PlannedFallback {
  const { step, type } = link;
  return {
    ...defined({ trigger: triggerOf(link) }),
    local: type === StepType.FRUGAL,
    // A fallback runs under the identity of its step: a key made for it would name nothing.
    job: ownFields(step, type, step.idempotentKey),
    timeout_ms: step.timeout ?? DEFAULTS.attemptTimeoutMs,
    ...compileChildren(step, options),
  };
}
