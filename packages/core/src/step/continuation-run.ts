import { CONTINUATION_METADATA_KEY } from '../protocol/delivery.ts';
import type { Delivery } from '../protocol/decode-delivery.ts';
import type { ContinuationContent, ContinuationEdge } from '../protocol/plan.ts';
import { ContinuationError, EZThrottleError } from '../errors.ts';
import { tellUser } from '../tell-user.ts';
import type { ContinuationContext, ContinuationRunner } from '../webhooks/continuation-runner.ts';
import { WorkInFlightError } from '../webhooks/errors.ts';
import type { ContinuationSealer } from './continuation-seal.ts';
import type { PlanRunner } from './run-plan.ts';
import type { StepResult } from './step-result.ts';

export interface ContinuationRunnerOptions {
  /**
   * This receiver's own address or addresses, as they stand in webhooks. A continuation for another
   * one is not run. Default: any that our keys have sealed.
   */
  readonly endpoint?: string | readonly string[];
  /**
   * Told of continuations that are not run, and of steps in them that will never succeed.
   * Default: the client's `onChildError`; without one, the receiver's `onError`.
   */
  readonly onError?: (error: unknown, delivery: Delivery) => unknown;
}

/** What a runner needs of its client. */
export interface ContinuationParts {
  readonly sealer: ContinuationSealer;
  readonly plans: PlanRunner;
  readonly onError: ((error: unknown) => unknown) | null;
}

/**
 * Carries on with the FRUGAL steps that follow a job, when the delivery of its end brings them along.
 * One that is altered or foreign is reported and not run; the delivery is handled all the same.
 *
 * Each edge runs once per job. When something fails that may pass, the claim is given back and the
 * rejection makes the server deliver again; what had run until then runs again.
 */
export function continuationRunner(
  parts: ContinuationParts,
  options: ContinuationRunnerOptions = {},
): ContinuationRunner {
  const { endpoint } = options;
  const given = endpoint === undefined || typeof endpoint === 'string' ? [endpoint] : endpoint;
  const endpoints = given.flatMap((url) => (url === undefined ? [] : normalised(url)));
  return {
    async run(delivery, context) {
      const sealed = delivery.metadata[CONTINUATION_METADATA_KEY];
      if (sealed === undefined || isCancelled(delivery)) return;
      const onError = options.onError ?? parts.onError ?? context.report ?? reportToConsole;
      const report = (error: unknown): void => tellUser(() => onError(error, delivery));
      try {
        const content = await openContent(sealed, delivery, parts.sealer, endpoints);
        await runEdges(content, delivery, context, parts.plans, report);
      } catch (error) {
        if (!(error instanceof ContinuationError)) throw error;
        report(error);
      }
    },
  };
}

async function openContent(
  sealed: unknown,
  { idempotentKey }: Delivery,
  sealer: ContinuationSealer,
  endpoints: readonly string[],
): Promise<ContinuationContent> {
  if (typeof sealed !== 'string') throw new ContinuationError('The continuation is not a text.');
  const content = await sealer.open(sealed);
  if (endpoints.length > 0 && !endpoints.includes(normalised(content.endpoint))) {
    throw new ContinuationError('The continuation is meant for another endpoint.', {
      code: 'continuation_foreign',
    });
  }
  // A server that tells no keys is believed: it is the one that was asked to keep them.
  const { key = null } = content;
  if (
    key !== null &&
    idempotentKey !== undefined &&
    idempotentKey !== null &&
    key !== idempotentKey
  ) {
    throw new ContinuationError('The continuation follows another job.', {
      code: 'continuation_foreign',
    });
  }
  return content;
}

async function runEdges(
  content: ContinuationContent,
  delivery: Delivery,
  context: ContinuationContext,
  plans: PlanRunner,
  report: (error: unknown) => void,
): Promise<void> {
  const ended = delivery.status === 'success' ? 'success' : 'failure';
  const edges = content.edges
    // By the continuation's own id, which is new for every job: a copy in another job is no new work.
    .map((edge, index) => ({ edge, id: `${content.id}/${index}` }))
    .filter(({ edge }) => edge.on === ended && isOnPath(edge, delivery));
  const results = await Promise.allSettled(
    edges.map(async ({ edge, id }) => {
      const key = `${delivery.jobId}/${edgeName(edge)}`;
      for (const error of await runOnce(id, { edge, key }, context, plans)) report(error);
    }),
  );
  const errors = results.flatMap((result): unknown[] =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  // Somebody else at work says more about when to come again than a failure does.
  const first = errors.find((error) => error instanceof WorkInFlightError) ?? errors[0];
  if (first !== undefined) throw first;
}

/** Errors of steps that no repeat would cure; rejects with one that may pass. */
async function runOnce(
  id: string,
  { edge, key }: { readonly edge: ContinuationEdge; readonly key: string },
  { claim, signal, remainingMs }: ContinuationContext,
  plans: PlanRunner,
): Promise<readonly unknown[]> {
  const work = await claim(id);
  if (work.state === 'done') return [];
  if (work.state === 'in_flight') throw new WorkInFlightError(id);
  const scope = { signal, key, ...(remainingMs === undefined ? {} : { remainingMs }) };
  const errors = await errorsOf(plans.run(edge.plan, scope));
  const passing = errors.find((error) => signal.aborted || mayPass(error));
  if (passing !== undefined) {
    await work.release();
    throw passing;
  }
  await work.commit();
  return errors;
}

/** The errors of a run and of everything that followed it. */
async function errorsOf(run: Promise<StepResult>): Promise<readonly unknown[]> {
  try {
    const result = await run;
    if (result.kind !== 'local') return [];
    const children = await result.children;
    const nested = await Promise.all(
      children.map((child) =>
        child.ok ? errorsOf(Promise.resolve(child.result)) : Promise.resolve([child.error]),
      ),
    );
    return nested.flat();
  } catch (error) {
    return [error];
  }
}

function mayPass(error: unknown): boolean {
  return !(error instanceof EZThrottleError) || error.retryable;
}

/** Whoever cancels a job wants nothing of what would have followed it. */
function isCancelled({ status, error }: Delivery): boolean {
  return status === 'failed' && error === 'cancelled';
}

function reportToConsole(error: unknown, delivery: Delivery): void {
  console.error(`[ezthrottle] continuation of job ${delivery.jobId} not run:`, error);
}

/** A fallback's success is followed when it gave the result, its failure whenever it had been tried. */
function isOnPath(edge: ContinuationEdge, { path, triedPaths }: Delivery): boolean {
  if (edge.path === null || edge.path === path) return true;
  return edge.on === 'failure' && triedPaths?.includes(edge.path) === true;
}

function edgeName({ on, path }: ContinuationEdge): string {
  const name = on === 'success' ? 'onSuccess' : 'onFailure';
  return path === null ? name : `fallback[${path - 1}].${name}`;
}

/** Two spellings of one address are the same endpoint. */
function normalised(url: string): string {
  return URL.canParse(url) ? new URL(url).href : url;
}
