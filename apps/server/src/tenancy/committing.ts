import type { Operation, Verdict } from '@ezthrottle/engine';

/** Puts one operation on disk, together with whatever else is waiting. */
export type Commit = (operation: Operation) => Promise<Verdict>;

/** The store refused a write that nothing should refuse. */
class UnexpectedVerdictError extends Error {
  readonly code = 'unexpected_verdict';

  constructor(operation: Operation['type'], verdict: Verdict) {
    super(`${operation} was answered ${verdict.verdict}`);
    this.name = 'UnexpectedVerdictError';
  }
}

/** @throws UnexpectedVerdictError unless the verdict is `ok`. */
export async function commitOrThrow(commit: Commit, operation: Operation): Promise<void> {
  const verdict = await commit(operation);
  if (verdict.verdict !== 'ok') throw new UnexpectedVerdictError(operation.type, verdict);
}
