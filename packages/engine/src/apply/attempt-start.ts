import type { ArmedAttempt, EndedAttempt } from '../ports/operation.ts';

/** When an attempt went out, as far as anybody knows; in milliseconds since the epoch, null: it did not. */
export function attemptStart(
  { armedAt }: Pick<ArmedAttempt, 'armedAt'>,
  { startedAt }: Pick<EndedAttempt, 'startedAt'>,
): number | null {
  return startedAt === 'as_armed' ? armedAt : startedAt;
}
