/** The database does not answer now; asked again later, it may. */
export class StoreUnavailableError extends Error {
  readonly code = 'store_unavailable';
  override readonly name = 'StoreUnavailableError';

  constructor(cause: unknown) {
    super('the database does not answer', { cause });
  }

  /** What it or the way to it has said, in one line. */
  get reason(): string {
    return reasonOf(this.cause);
  }
}

/** Of several addresses that were tried, what was said of the first one. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}
