/**
 * A batch could not be made durable: the disk is full, broken or taken, or the store is closed.
 * What is in memory is then ahead of what is on disk, so the process has to stop.
 */
export class StoreFailedError extends Error {
  readonly code = 'store_failed';
  override readonly name = 'StoreFailedError';
}
