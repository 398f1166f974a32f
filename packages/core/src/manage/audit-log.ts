import type { AuditEntryView, AuditPage } from '../protocol/audit.ts';
import type { CallOptions } from '../resources/call-options.ts';
import { pagedListing, type PagedListing } from '../resources/pages.ts';
import { checkedPage, type ManagingCalls } from './managing-calls.ts';

export interface ListAuditOptions extends CallOptions {
  /** Only acts of this kind, for example `limit.put`. */
  readonly action?: string;
  /** Only acts on this: the id of a job, the key of a limit. */
  readonly target?: string;
  /** Entries of one page. Default 50, at most 100. */
  readonly limit?: number;
  /** `next_cursor` of an earlier page. */
  readonly cursor?: string;
}

/** What was done, the newest first; pages are fetched as they are needed. */
export type AuditListing = PagedListing<AuditPage, AuditEntryView>;

/** `manage.auditLog`: who has changed what, when and why. */
export class AuditLog {
  readonly #calls: ManagingCalls;

  constructor(calls: ManagingCalls) {
    this.#calls = calls;
  }

  /**
   * @example
   * for await (const entry of manage.auditLog.list()) console.log(entry.at, entry.actor, entry.action);
   */
  list({ action, target, limit, cursor: first, ...options }: ListAuditOptions = {}): AuditListing {
    return pagedListing(
      async (cursor) => {
        const query = { action, target, limit, cursor };
        const page = await this.#calls.look('/api/v1/audit-log', query, options);
        return checkedPage<AuditPage>(page, 'entries', 'a page of the audit log');
      },
      first,
      ({ entries }) => entries,
    );
  }
}
