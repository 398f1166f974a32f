/** An operation that cannot be written. Its neighbours are. */
export class Rejection extends Error {
  override readonly name = 'Rejection';
}

/** The store is closed: nothing can be written any more. */
export class MemoryStoreClosedError extends Error {
  readonly code = 'store_failed';
  override readonly name = 'MemoryStoreClosedError';

  constructor() {
    super('The store is closed.');
  }
}
