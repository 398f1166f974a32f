import type { AttemptCall, Executor } from '@ezthrottle/engine';

/**
 * Makes each call where its region is: here, or at another node.
 *
 * @param isLocal Whether calls of this region leave from here.
 */
export function createRegionalExecutor(
  local: Executor,
  remote: Executor,
  isLocal: (region: string) => boolean,
): Executor {
  function isRemote({ region }: AttemptCall): boolean {
    return !isLocal(region);
  }

  return {
    run(calls) {
      const others = calls.filter(isRemote);
      if (others.length === 0) {
        local.run(calls);
        return;
      }
      remote.run(others);
      const own = calls.filter((call) => !others.includes(call));
      if (own.length > 0) local.run(own);
    },
    abort(tokens) {
      local.abort(tokens);
      remote.abort(tokens);
    },
    onSent(listener) {
      local.onSent(listener);
      remote.onSent(listener);
    },
    onReports(listener) {
      local.onReports(listener);
      remote.onReports(listener);
    },
    async close() {
      await Promise.all([local.close(), remote.close()]);
    },
  };
}
