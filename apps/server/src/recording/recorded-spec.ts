import type { JobSpec, LimitSpec, Outcome, PathSpec } from '@ezthrottle/engine';
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

/** Of an outcome what the rules look at. */
export function recordedOutcome(
  outcome: Outcome,
  costs: Readonly<Record<string, string>>,
): Outcome {
  switch (outcome.kind) {
    case 'response': {
      const { status, headers } = outcome;
      const kept = Object.entries(headers).filter(([name]) => OF_PACE.test(name));
      return { kind: 'response', status, headers: { ...Object.fromEntries(kept), ...costs } };
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

function recordedPath({ secrets: _secrets, ...path }: PathSpec): PathSpec {
  return {
    ...path,
    url: `${path.origin}/`,
    headers: {},
    // How much it takes, and nothing of it: what memory has room for depends on that.
    body: path.body === null ? null : { encoding: 'utf8', data: String(path.body.data.length) },
    ...(path.limits !== undefined && { limits: path.limits.map(recordedLimit) }),
    onSuccess: path.onSuccess === null ? null : recordedSpec(path.onSuccess),
    onFailure: path.onFailure === null ? null : recordedSpec(path.onFailure),
  };
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
    body: body === null ? null : { encoding: 'utf8', data: ' '.repeat(Number(body.data)) },
    onSuccess: onSuccess === null ? null : filledSpec(onSuccess),
    onFailure: onFailure === null ? null : filledSpec(onFailure),
  };
}
