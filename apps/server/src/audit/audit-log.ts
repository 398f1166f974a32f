import type { AuditAction, Metadata } from '@ezthrottle/core/protocol';
import type { AuditListQuery, AuditReads, AuditRecord, Clock, Id } from '@ezthrottle/engine';
import { type Commit, commitOrThrow } from '../tenancy/committing.ts';

/** Who acts, and why. */
export interface Acting {
  readonly organization: Id;
  /** Null: the server by itself. */
  readonly apiKey: Id | null;
  readonly actor: string | null;
  readonly reason: string | null;
}

/** What is done. `before` and `after` hold no secret: leave such members out. */
export interface Act {
  readonly action: AuditAction;
  /** Null or absent: there is only one thing of the kind. */
  readonly target?: string | null;
  readonly before?: Metadata | null;
  readonly after?: Metadata | null;
}

/** Notes what operators do, each entry in the write that does it. */
export interface AuditLog {
  /**
   * A `Commit` that puts the act's entry into the same transaction as the write: both or nothing, and no
   * entry for a write that was not `ok`. For one write.
   *
   * @param act As a function it is asked when the write is made, for what is known only by then.
   * @param id The entry's: a second write under it is refused. Default: a new one.
   */
  committing(acting: Acting, act: Act | (() => Act), id?: Id): Commit;
  /** The entry as a row, for whoever builds the write. */
  entry(acting: Acting, act: Act): AuditRecord;
  /** Notes an act that is no write of the store's. */
  note(acting: Acting, act: Act): Promise<void>;
  list(query: AuditListQuery): Promise<readonly AuditRecord[]>;
}

export function createAuditLog(options: {
  readonly reads: AuditReads;
  readonly commit: Commit;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: () => Id;
}): AuditLog {
  const { reads, commit, clock, newId } = options;
  const entry = (acting: Acting, act: Act, id: Id = newId()): AuditRecord => ({
    id,
    at: clock.now(),
    organization: acting.organization,
    apiKey: acting.apiKey,
    actor: acting.actor,
    reason: acting.reason,
    action: act.action,
    target: act.target ?? null,
    before: act.before ?? null,
    after: act.after ?? null,
  });
  return {
    entry,
    committing: (acting, act, id) => (operation) => {
      // Whoever built the write has noted it already.
      if (operation.type === 'audited') return commit(operation);
      const done = typeof act === 'function' ? act() : act;
      return commit({ type: 'audited', operation, entry: entry(acting, done, id) });
    },
    note: (acting, act) => commitOrThrow(commit, { type: 'put_audit', entry: entry(acting, act) }),
    list: (query) => reads.list(query),
  };
}
