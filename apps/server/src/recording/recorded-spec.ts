import { redirectAddress, referencedSecrets } from '@ezthrottle/engine';
import type { JobSpec, LimitSpec, LiveJob, Outcome, PathSpec, RunState } from '@ezthrottle/engine';
import { recordedCostHeader } from './recorded-line.ts';

/** A job without what it carries: where its calls go, and the rules by which they go, are left. */
export function recordedSpec(spec: JobSpec): JobSpec {
  const [first, ...fallbacks] = spec.paths;
  return {
    ...spec,
    paths: [recordedPath(first), ...fallbacks.map(recordedPath)],
    metadata: {},
    tags: [],
    webhooks: [],
    idempotentKey: null,
    sendIdempotencyKey: false,
  };
}

/** A live job likewise. */
export function recordedJob({ spec, run, ...job }: LiveJob): LiveJob {
  return { ...job, spec: recordedSpec(spec), run: recordedRun(run) };
}

function recordedRun(run: RunState): RunState {
  const legs = run.legs.map((leg) => {
    if (leg.redirect === undefined) return leg;
    return { ...leg, redirect: { ...leg.redirect, url: bareAddress(leg.redirect.url) } };
  });
  return { ...run, legs };
}

/**
 * Of an outcome what the rules look at.
 *
 * @param called The address of the call. Null: not known, and where its answer leads is not kept.
 */
export function recordedOutcome(
  outcome: Outcome,
  called: string | null,
  costs: Readonly<Record<string, string>> = {},
): Outcome {
  switch (outcome.kind) {
    case 'response': {
      const { status, headers } = outcome;
      const kept = Object.entries(headers).filter(([name]) => OF_PACE.test(name));
      // Only where it leads to, not what there: what a replay decides depends on no more.
      const next = called === null ? null : redirectAddress(outcome, called);
      const location = next === null ? {} : { location: bareAddress(next) };
      const headersKept = { ...Object.fromEntries(kept), ...location, ...costs };
      return { kind: 'response', status, headers: headersKept };
    }
    case 'network_error':
    case 'refused':
      return { kind: outcome.kind, code: outcome.code, message: '' };
    case 'timeout':
      return { kind: 'timeout', message: '' };
    case 'aborted':
    case 'unknown':
      return outcome;
  }
}

const OF_PACE =
  /rate-?limit|retry-after|call-limit|rate-limited|^x-hubspot-|^x-(?:aqueduct|ezthrottle|aquifer)-(?:rps|max-concurrent)$/;

/** Stands for all of them in a recorded body. No reference is shorter. */
const A_REFERENCE = '{{secret.A}}';

function recordedPath({ secrets: _secrets, ...path }: PathSpec): PathSpec {
  return {
    ...path,
    url: `${path.origin}/`,
    headers: {},
    // How much it takes, and nothing of it: what memory has room for depends on that.
    body: path.body === null ? null : recordedBody(path.body),
    ...(path.limits !== undefined && { limits: path.limits.map(recordedLimit) }),
    onSuccess: path.onSuccess === null ? null : recordedSpec(path.onSuccess),
    onFailure: path.onFailure === null ? null : recordedSpec(path.onFailure),
  };
}

function recordedBody({ encoding, data }: NonNullable<PathSpec['body']>): PathSpec['body'] {
  // A body that refers to secrets is not taken elsewhere by a redirect.
  const refers = encoding === 'utf8' && referencedSecrets({ url: '', body: data }) !== null;
  return { encoding: 'utf8', data: refers ? `${data.length} ${A_REFERENCE}` : String(data.length) };
}

function bareAddress(url: string): string {
  return `${new URL(url).origin}/`;
}

/** What a call has really cost is kept under a header of the recording's own. */
function recordedLimit({ key, cost, settleHeader, settlePath }: LimitSpec): LimitSpec {
  const settles = settleHeader !== undefined || settlePath !== undefined;
  return { key, cost, ...(settles && { settleHeader: recordedCostHeader(key) }) };
}

/** The same with bodies of the same lengths. */
export function filledSpec(spec: JobSpec): JobSpec {
  const [first, ...fallbacks] = spec.paths;
  return { ...spec, paths: [filledPath(first), ...fallbacks.map(filledPath)] };
}

function filledPath(path: PathSpec): PathSpec {
  const { body, onSuccess, onFailure } = path;
  return {
    ...path,
    body: body === null ? null : { encoding: 'utf8', data: filledBody(body.data) },
    onSuccess: onSuccess === null ? null : filledSpec(onSuccess),
    onFailure: onFailure === null ? null : filledSpec(onFailure),
  };
}

function filledBody(recorded: string): string {
  const [length, reference = ''] = recorded.split(' ');
  return reference.padEnd(Number(length), ' ');
}
