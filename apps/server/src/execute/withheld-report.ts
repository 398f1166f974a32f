import { type AttemptReport, WITHHELD } from '@ezthrottle/engine';

/** A report of which only the status is kept: for one that could not be looked through. */
export function withheldReport(report: AttemptReport): AttemptReport {
  const { outcome, response } = report;
  const { data: body, encoding: bodyEncoding } = WITHHELD;
  const kept = { headers: {}, body, bodyEncoding, truncated: true };
  return {
    ...report,
    outcome: 'message' in outcome ? { ...outcome, message: body } : withoutHeaders(outcome),
    response: response === null ? null : { ...response, ...kept },
  };
}

function withoutHeaders(outcome: AttemptReport['outcome']): AttemptReport['outcome'] {
  return outcome.kind === 'response' ? { ...outcome, headers: {} } : outcome;
}
