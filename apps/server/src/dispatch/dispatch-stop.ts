import type { Clock, Executor } from '@ezthrottle/engine';
import type { Machinery } from './machinery.ts';
import { replan } from './lane.ts';

/** How often a stop looks whether all is done, in milliseconds. */
const LOOK_MS = 5;

/** Sends nothing any more, hands back what was not sent, waits for the rest within a bound. */
export async function stopDispatch(
  machinery: Machinery,
  { clock, executor }: { readonly clock: Clock; readonly executor: Pick<Executor, 'abort'> },
): Promise<void> {
  const { active, armer, calls, destinations, handover, intake, limits, mover, paces, reports } =
    machinery;
  const until = (isDone: () => boolean, timeoutMs: number): Promise<void> =>
    untilDone(clock, isDone, timeoutMs);
  machinery.pump.stop();
  armer.close();
  await machinery.stager.stop();
  paces.stop();
  machinery.limited.stop();
  handover.stop();
  await until(() => armer.arming + intake.submits === 0, limits.stopTimeoutMs);
  for (const lane of destinations.lanes()) replan(lane);
  await handover.handBack(destinations.lanes());
  await until(() => calls.size === 0, limits.stopTimeoutMs);
  executor.abort(calls.tokens());
  await until(
    () => calls.size === 0 && mover.writes + reports.deciding + intake.submits === 0,
    limits.stopTimeoutMs,
  );
  for (const job of active.values()) job.stopTimer?.();
  await paces.put(destinations.takeChanged());
}

async function untilDone(clock: Clock, isDone: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = clock.monotonic() + timeoutMs;
  while (!isDone() && clock.monotonic() < deadline) {
    await new Promise<void>((resolve) => {
      clock.after(LOOK_MS, resolve);
    });
  }
}
