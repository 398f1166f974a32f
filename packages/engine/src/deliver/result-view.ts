import { deliveryStatus, type ResponseView, type ResultView } from '@ezthrottle/core/protocol';
import type { JobSpec } from '../job/job-spec.ts';
import type { StoredResponse } from '../job/outcome.ts';
import type { JobEnd } from '../job/run.ts';
import type { JobRecord, ResultResponse } from '../ports/records.ts';

/** Attempts whose responses a result shows: what to read from the store. */
export function resultAttempts(end: JobEnd): readonly number[] {
  const single = end.attempt === null ? [] : [end.attempt];
  if (end.attempts.length === 0) return single;
  return [...new Set([...single, ...end.attempts])];
}

/**
 * A job's result as deliveries and job views show it; null while it has not ended. A fan-out shows all
 * its answers in `responses`, and in `response` the one that decided.
 *
 * @param responses Of `resultAttempts`; one that is missing is left out.
 */
export function resultView(
  { end }: Pick<JobRecord, 'end'>,
  responses: readonly ResultResponse[],
): ResultView | null {
  if (end === null) return null;
  const decisive = responses.find(({ attempt }) => attempt === end.attempt);
  const fanned = end.attempts.flatMap((attempt) =>
    responses.filter((response) => response.attempt === attempt),
  );
  return {
    status: deliveryStatus(end.state),
    ...(decisive === undefined ? {} : { response: responseView(decisive.response) }),
    ...(end.attempts.length === 0
      ? {}
      : {
          responses: fanned.map(({ response, region }) => ({ ...responseView(response), region })),
        }),
    ...(end.error === null ? {} : { error: end.error }),
    ...(end.path === null ? {} : { path: end.path }),
    // With one path there is nothing to tell apart.
    ...(end.triedPaths.length > 1 ? { tried_paths: end.triedPaths } : {}),
  };
}

/** Whether two or more regions race for this job: decides its word in the cloud dialect. */
export function isRacing({ paths: [path] }: JobSpec): boolean {
  return path.executionMode === 'race' && path.regions.length >= 2;
}

function responseView(response: StoredResponse): ResponseView {
  return {
    status_code: response.status,
    headers: response.headers,
    body: response.body,
    ...(response.bodyEncoding === 'base64' ? { body_encoding: 'base64' } : {}),
    ...(response.truncated ? { truncated: true } : {}),
  };
}
