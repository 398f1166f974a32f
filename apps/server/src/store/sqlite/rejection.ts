import { SqliteError } from './connection.ts';

// Result codes that speak of the statement's values, not of the disk: TOOBIG, CONSTRAINT, MISMATCH.
const VALUE_CODES: readonly number[] = [18, 19, 20];

/** Why one operation is refused; null when the error concerns the whole store. */
export function rejectionReason(error: unknown): string | null {
  if (error instanceof SqliteError) {
    return VALUE_CODES.includes(error.resultCode) ? error.message : null;
  }
  return error instanceof Error ? error.message : String(error);
}
