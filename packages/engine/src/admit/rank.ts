/** How much earlier one point of priority lets a job stand in line, in milliseconds. */
export const PRIORITY_STEP_MS = 10_000;

/**
 * Place in an account's line; smaller goes first. Fixed when the work is put in line: waiting ages it by
 * itself, since newcomers get later instants, so that a low priority waits longer but never for ever.
 *
 * @param priority −100 to 100.
 * @param readyAt Milliseconds since the epoch.
 */
export function rank(priority: number, readyAt: number): number {
  return readyAt - priority * PRIORITY_STEP_MS;
}
