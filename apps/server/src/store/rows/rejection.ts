/** The operation itself cannot be written; the reason names no user data. */
export class Rejection extends Error {
  readonly code = 'rejected';
  override readonly name = 'Rejection';
}
