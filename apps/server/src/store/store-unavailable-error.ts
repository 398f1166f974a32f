/** The database does not answer now; asked again later, it may. */
export class StoreUnavailableError extends Error {
  readonly code = 'store_unavailable';
  override readonly name = 'StoreUnavailableError';

  constructor(cause: unknown) {
    super('the database does not answer', { cause });
  }
}
