/** Claims between two small prunings, unless the options say otherwise. */
const PRUNE_EVERY = 100;

/** At most so many rows in one step, so that none takes long; several times what comes in between. */
export const PRUNED_ROWS = 500;

export interface PruningOptions {
  /**
   * How many claims of this process go by between two prunings of up to 500 expired rows; `false`:
   * only `prune()` does it. Default 100.
   */
  readonly pruneEvery?: number | false;
}

/**
 * Counts claims; true whenever it is time to prune.
 *
 * @throws {RangeError} when `pruneEvery` is neither false nor a whole number of at least 1.
 */
export function pruningTurn({ pruneEvery = PRUNE_EVERY }: PruningOptions): () => boolean {
  if (pruneEvery === false) return () => false;
  if (!Number.isSafeInteger(pruneEvery) || pruneEvery < 1) {
    throw new RangeError(
      `pruneEvery must be false or a whole number of at least 1, got ${String(pruneEvery)}.`,
    );
  }
  let count = 0;
  return () => {
    count = (count + 1) % pruneEvery;
    return count === 0;
  };
}
