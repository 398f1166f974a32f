/** Something that was read in this transaction has changed before it was written: the batch runs again. */
export class InterferenceError extends Error {
  readonly code = 'interference';
  override readonly name = 'InterferenceError';
}

/** Operations that were written together did not see each other as they should: the batch runs in smaller steps. */
export class OrderError extends Error {
  readonly code = 'order';
  override readonly name = 'OrderError';
}
