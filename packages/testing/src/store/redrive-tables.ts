import type {
  Id,
  RedriveItem,
  RedriveOperation,
  RedriveReads,
  RedriveRecord,
  Verdict,
} from '@ezthrottle/engine';
import { checkIdentifier } from './check-rows.ts';
import { compareTexts, firstDifference } from './sorted-list.ts';
import type { TenancyTables } from './tenancy-tables.ts';

interface StoredRedrive {
  record: RedriveRecord;
  readonly items: Map<number, RedriveItem>;
}

/** Redrives and their items. */
export class RedriveTables implements RedriveReads {
  readonly #redrives = new Map<Id, StoredRedrive>();
  readonly #tenancy: Pick<TenancyTables, 'requireOrganization'>;

  constructor(tenancy: Pick<TenancyTables, 'requireOrganization'>) {
    this.#tenancy = tenancy;
  }

  apply(operation: RedriveOperation): Verdict {
    if (operation.type === 'put_redrive') return this.#put(operation);
    const old = [...this.#redrives.values()]
      .flatMap(({ record }) =>
        record.endedAt !== null && record.endedAt < operation.before
          ? [{ id: record.id, endedAt: record.endedAt }]
          : [],
      )
      .toSorted((one, other) => one.endedAt - other.endedAt)
      .slice(0, operation.limit);
    for (const { id } of old) this.#redrives.delete(id);
    return { verdict: 'ok', count: old.length };
  }

  async get(organization: Id, id: Id): Promise<RedriveRecord | null> {
    const record = this.#redrives.get(id)?.record;
    return record?.organization === organization ? record : null;
  }

  async list({
    organization,
    before,
    limit,
  }: Parameters<RedriveReads['list']>[0]): Promise<readonly RedriveRecord[]> {
    return [...this.#redrives.values()]
      .map(({ record }) => record)
      .filter((record) => record.organization === organization)
      .filter((record) => before === null || compareNewest(record, before) > 0)
      .toSorted(compareNewest)
      .slice(0, limit);
  }

  async running(): Promise<readonly RedriveRecord[]> {
    return [...this.#redrives.values()]
      .map(({ record }) => record)
      .filter(({ endedAt }) => endedAt === null);
  }

  async items(
    id: Id,
    { after, outcome, limit }: Parameters<RedriveReads['items']>[1],
  ): Promise<readonly RedriveItem[]> {
    return [...(this.#redrives.get(id)?.items.values() ?? [])]
      .filter((item) => item.number > after && (outcome === null || item.outcome === outcome))
      .toSorted((one, other) => one.number - other.number)
      .slice(0, limit);
  }

  #put({ redrive, replaces, items }: Extract<RedriveOperation, { type: 'put_redrive' }>): Verdict {
    checkIdentifier(redrive.id, 'redrive.id');
    this.#tenancy.requireOrganization(redrive.organization);
    for (const { source, result } of items) {
      checkIdentifier(source, 'items.source');
      if (result !== null) checkIdentifier(result, 'items.result');
    }
    const known = this.#redrives.get(redrive.id);
    if ((known?.record.version ?? null) !== replaces) {
      return { verdict: known === undefined ? 'gone' : 'stale' };
    }
    if (known !== undefined && known.record.organization !== redrive.organization) {
      return { verdict: 'stale' };
    }
    const stored = known ?? { record: redrive, items: new Map<number, RedriveItem>() };
    stored.record = redrive;
    for (const item of items) stored.items.set(item.number, item);
    this.#redrives.set(redrive.id, stored);
    return { verdict: 'ok' };
  }
}

type Place = Pick<RedriveRecord, 'createdAt' | 'id'>;

function compareNewest(one: Place, other: Place): number {
  return firstDifference(other.createdAt - one.createdAt, compareTexts(other.id, one.id));
}
