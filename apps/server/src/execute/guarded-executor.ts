import type { AttemptCall, AttemptReport, Clock, Executor, Outcome } from '@ezthrottle/engine';

/**
 * An executor that may throw while it takes calls: they are reported all the same, so that no job waits for
 * an answer that never comes and nobody who hands calls over has to be ready for it.
 */
export function guardedExecutor(
  executor: Executor,
  options: {
    readonly clock: Pick<Clock, 'now' | 'after'>;
    readonly logger: { error(details: object, message: string): void };
  },
): Executor {
  const { clock, logger } = options;
  let tell: (reports: readonly AttemptReport[]) => void = () => undefined;

  function giveUp(calls: readonly AttemptCall[], error: unknown): void {
    logger.error({ event: 'calls_not_made', err: error }, 'calls could not be handed over');
    // One of several may have gone out before another was the reason.
    if (calls.length > 1) executor.abort(calls.map(({ token }) => token));
    const outcome: Outcome = calls.length > 1 ? { kind: 'unknown' } : notMade(error);
    const at = clock.now();
    const reports = calls.map(({ token }): AttemptReport => {
      return { token, outcome, response: null, startedAt: at, endedAt: at };
    });
    // Later, as calls that are really made: whoever hands them over has more to do before.
    clock.after(0, () => tell(reports));
  }

  return {
    run(calls) {
      try {
        executor.run(calls);
      } catch (error) {
        giveUp(calls, error);
      }
    },
    abort: (tokens) => executor.abort(tokens),
    onSent: (listener) => executor.onSent(listener),
    onReports(listener) {
      tell = listener;
      executor.onReports(listener);
    },
    close: () => executor.close(),
  };
}

/** The outcome of a call that could not be made ready. Says no more of the error than its name: it may hold a secret. */
export function notMade(error: unknown): Extract<Outcome, { kind: 'refused' }> {
  const name = error instanceof Error ? error.name : 'an error';
  return { kind: 'refused', code: 'call_not_made', message: `the call could not be made: ${name}` };
}
