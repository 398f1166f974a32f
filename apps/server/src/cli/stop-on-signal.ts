import { constants } from 'node:os';

/**
 * The first SIGTERM or SIGINT stops in order, within a bound; a second one ends the process at once.
 */
export function stopOnSignal(options: {
  readonly stop: () => Promise<void>;
  readonly boundMs: number;
  /** Called when everything has stopped. */
  readonly unlock: () => void;
}): void {
  let isStopping = false;
  const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (isStopping) process.exit(128 + constants.signals[signal]);
    isStopping = true;
    setTimeout(() => {
      process.stderr.write(`ezthrottle: not stopped after ${options.boundMs} ms, ending\n`);
      process.exit(1);
    }, options.boundMs);
    options.stop().then(
      () => {
        options.unlock();
        process.exit(0);
      },
      (error: unknown) => {
        process.stderr.write(`ezthrottle: the stop failed: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
