import { AUDIT_BOUNDS, HEADERS, type Problem } from '@ezthrottle/core/protocol';
import type { Acting } from '../audit/audit-log.ts';
import type { Caller } from '../tenancy/api-keys.ts';
import { ApiError, refuseProblems } from './api-error.ts';
import type { Call } from './route.ts';

/**
 * Who acts and why, by the key and what the headers say.
 *
 * @param reason What the body says; it wins over the header, and is held to the same.
 * @throws ApiError `validation_failed` for what says too much, or what no line of text says.
 */
export function actingOf(
  call: Pick<Call, 'header'>,
  { organization, apiKey }: Pick<Caller, 'organization' | 'apiKey'>,
  reason?: string,
): Acting {
  const problems: Problem[] = [];
  const said = (path: string, given: string, most: number, how: string): string | null => {
    const text = given.trim();
    if (text === '') return null;
    // Whoever reads the log sees one line for each act, and no act that somebody made up.
    if (text.length > most || /\p{Cc}|\p{Cs}/u.test(text)) {
      const expected = `one line of at most ${most} characters${how}`;
      problems.push({ path, message: 'is not a text that can be noted', expected });
    }
    return text;
  };
  const inHeader = (name: string, most: number): string | null =>
    said(
      name,
      decoded(call.header(name) ?? ''),
      most,
      ', percent-encoded where they are not ASCII',
    );
  const actor = inHeader(HEADERS.actor, AUDIT_BOUNDS.actorLength);
  const reasonInHeader = inHeader(HEADERS.reason, AUDIT_BOUNDS.reasonLength);
  const reasonInBody = said('reason', reason ?? '', AUDIT_BOUNDS.reasonLength, '');
  refuseProblems(problems, 'the request');
  return { organization, apiKey, actor, reason: reasonInBody ?? reasonInHeader };
}

/**
 * The same for acts of which it has to be said why.
 *
 * @throws ApiError `validation_failed` also when neither the body nor the header says it.
 */
export function actingWithReason(
  call: Pick<Call, 'header'>,
  caller: Pick<Caller, 'organization' | 'apiKey'>,
  reason: string | undefined,
): Acting {
  const acting = actingOf(call, caller, reason);
  if (acting.reason !== null) return acting;
  const expected = `why this is done, here or in the header ${HEADERS.reason}`;
  throw new ApiError('validation_failed', 'the request does not say why', {
    problems: [{ path: 'reason', message: 'is missing', expected }],
  });
}

/** Headers are ASCII: other letters come percent-encoded. What is not encoded rightly is meant as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
