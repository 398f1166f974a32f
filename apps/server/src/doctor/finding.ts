/** How bad it is: nothing to do, better changed, or the server will not work as it promises. */
export type FindingStatus = 'ok' | 'warn' | 'fail';

/** What one check has found. Holds no secret: it is printed, and pasted into tickets. */
export interface Finding {
  /** Stable name of the check, such as `clock_database`. */
  readonly check: string;
  readonly status: FindingStatus;
  /** What is so, with the figures. */
  readonly message: string;
  /** What to do about it; null: nothing. */
  readonly fix: string | null;
}

export function ok(check: string, message: string): Finding {
  return { check, status: 'ok', message, fix: null };
}

export function warn(check: string, message: string, fix: string): Finding {
  return { check, status: 'warn', message, fix };
}

export function fail(check: string, message: string, fix: string): Finding {
  return { check, status: 'fail', message, fix };
}
