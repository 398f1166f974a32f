import type { Id } from '../operation.ts';
import type { LimitRecord } from '../records.ts';

export interface LimitListQuery {
  readonly organization: Id;
  /** Only keys that begin so; empty: all. */
  readonly prefix: string;
  /** Only keys behind this one; null: from the first. */
  readonly after: string | null;
  readonly limit: number;
}

export interface LimitReads {
  /** Null when there is none in this organization. */
  get(organization: Id, key: string): Promise<LimitRecord | null>;
  /** By key, in the order of code points. */
  list(query: LimitListQuery): Promise<readonly LimitRecord[]>;
}
