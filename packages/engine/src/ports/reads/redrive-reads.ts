import type { RedriveOutcome } from '@ezthrottle/core/protocol';
import type { Id } from '../operation.ts';
import type { RedriveItem, RedriveRecord } from '../records.ts';

export interface RedriveReads {
  /** Null when unknown or of another organization. */
  get(organization: Id, id: Id): Promise<RedriveRecord | null>;
  /** The newest first. */
  list(query: {
    readonly organization: Id;
    readonly before: { readonly createdAt: number; readonly id: Id } | null;
    readonly limit: number;
  }): Promise<readonly RedriveRecord[]>;
  /** Those of everybody that have not ended. */
  running(): Promise<readonly RedriveRecord[]>;
  /**
   * Items by their numbers.
   *
   * @param after Only those behind this number.
   * @param outcome Only those; null: all.
   */
  items(
    id: Id,
    query: {
      readonly after: number;
      readonly outcome: RedriveOutcome | null;
      readonly limit: number;
    },
  ): Promise<readonly RedriveItem[]>;
}
