import type { Id } from '../operation.ts';
import type { AuditRecord } from '../records.ts';

export interface AuditListQuery {
  readonly organization: Id;
  /** Null: whatever it is. */
  readonly action: string | null;
  readonly target: string | null;
  /** Entries older than this one; null: from the newest. */
  readonly before: { readonly at: number; readonly id: Id } | null;
  readonly limit: number;
}

export interface AuditReads {
  /** The newest first. */
  list(query: AuditListQuery): Promise<readonly AuditRecord[]>;
}
