import type { Verdict } from '@ezthrottle/engine';

/**
 * The verdict of an operation whose rows are made here, before anything is written. What goes wrong
 * concerns this operation alone.
 */
export function attempted(make: () => Verdict): Verdict {
  try {
    return make();
  } catch (error) {
    return { verdict: 'rejected', reason: error instanceof Error ? error.message : String(error) };
  }
}
