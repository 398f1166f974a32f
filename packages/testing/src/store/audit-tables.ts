import type {
  AuditListQuery,
  AuditOperation,
  AuditReads,
  AuditRecord,
  Verdict,
} from '@ezthrottle/engine';
import { checkIdentifier } from './check-rows.ts';
import { compareTexts, firstDifference, SortedList } from './sorted-list.ts';
import { Rejection } from './store-errors.ts';
import type { TenancyTables } from './tenancy-tables.ts';

/** The audit log: entries are put, and go when they are past their time. */
export class AuditTables implements AuditReads {
  readonly #entries = new SortedList<AuditRecord>((one, other) =>
    firstDifference(other.at - one.at, compareTexts(other.id, one.id)),
  );
  readonly #ids = new Set<string>();
  readonly #tenancy: Pick<TenancyTables, 'requireOrganization'>;

  constructor(tenancy: Pick<TenancyTables, 'requireOrganization'>) {
    this.#tenancy = tenancy;
  }

  apply(operation: AuditOperation): Verdict {
    if (operation.type === 'put_audit') {
      this.check(operation.entry);
      this.put(operation.entry);
      return { verdict: 'ok' };
    }
    const gone = this.#entries
      .values()
      .filter(({ at }) => at < operation.before)
      .slice(-operation.limit);
    for (const entry of gone) {
      this.#entries.delete(entry);
      this.#ids.delete(entry.id);
    }
    return { verdict: 'ok', count: gone.length };
  }

  /** @throws {Rejection} when the entry could not be put. */
  check(entry: AuditRecord): void {
    checkIdentifier(entry.id, 'entry.id');
    if (entry.apiKey !== null) checkIdentifier(entry.apiKey, 'entry.apiKey');
    this.#tenancy.requireOrganization(entry.organization);
    if (this.#ids.has(entry.id)) throw new Rejection('entry.id: another entry has it already');
  }

  put(entry: AuditRecord): void {
    this.#ids.add(entry.id);
    this.#entries.add(entry);
  }

  async list(query: AuditListQuery): Promise<readonly AuditRecord[]> {
    const { organization, action, target, before, limit } = query;
    return this.#entries
      .values()
      .filter(
        (entry) =>
          entry.organization === organization &&
          (action === null || entry.action === action) &&
          (target === null || entry.target === target) &&
          (before === null || isBefore(entry, before)),
      )
      .slice(0, limit);
  }
}

function isBefore(entry: AuditRecord, { at, id }: NonNullable<AuditListQuery['before']>): boolean {
  return entry.at < at || (entry.at === at && entry.id < id);
}
