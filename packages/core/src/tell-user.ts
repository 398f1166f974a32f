/**
 * Calls back code of the user's that is only told of something. One that throws, or whose promise
 * rejects, must neither change what goes on here nor end the process: it is written to the console.
 */
export function tellUser(callback: () => unknown): void {
  const lost = (error: unknown): void => console.error('[ezthrottle] a callback failed:', error);
  try {
    Promise.resolve(callback()).catch(lost);
  } catch (error) {
    lost(error);
  }
}
