import type { AttemptCall, Executor } from '@ezthrottle/engine';

/** Makes calls at another node. */
export interface RemoteExecutor extends Executor {
  /** Whether some node can make calls from this region. */
  reaches(region: string): boolean;
}

/**
 * Makes each call where its region is: here, or at another node. One that nobody else can make leaves from
 * here, and fails or succeeds as it may.
 *
 * @param isLocal Whether calls leave from this region here.
 */
export function createRegionalExecutor(
  local: Executor,
  remote: RemoteExecutor,
  isLocal: (region: string) => boolean,
): Executor {
  function isRemote({ region }: AttemptCall): boolean {
    return !isLocal(region) && remote.reaches(region);
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
