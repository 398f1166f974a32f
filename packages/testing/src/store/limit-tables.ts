import type {
  Id,
  LimitListQuery,
  LimitOperation,
  LimitReads,
  LimitRecord,
  Verdict,
} from '@ezthrottle/engine';
import { compareCodePoints } from './code-points.ts';
import type { TenancyTables } from './tenancy-tables.ts';

/** Limits as resources. */
export class LimitTables implements LimitReads {
  readonly #limits = new Map<Id, Map<string, LimitRecord>>();
  readonly #tenancy: Pick<TenancyTables, 'requireOrganization'>;

  constructor(tenancy: Pick<TenancyTables, 'requireOrganization'>) {
    this.#tenancy = tenancy;
  }

  apply(operation: LimitOperation): Verdict {
    if (operation.type === 'put_limit') {
      const { limit, replaces } = operation;
      this.#tenancy.requireOrganization(limit.organization);
      const verdict = this.#verdict(limit.organization, limit.key, replaces);
      if (verdict.verdict !== 'ok') return verdict;
      const limits = this.#limits.get(limit.organization) ?? new Map<string, LimitRecord>();
      this.#limits.set(limit.organization, limits.set(limit.key, limit));
      return verdict;
    }
    const { organization, key, version } = operation;
    const verdict = this.#verdict(organization, key, version);
    if (verdict.verdict === 'ok') this.#limits.get(organization)?.delete(key);
    return verdict;
  }

  async get(organization: Id, key: string): Promise<LimitRecord | null> {
    return this.find(organization, key);
  }

  /** At once, for the rules. */
  find(organization: Id, key: string): LimitRecord | null {
    return this.#limits.get(organization)?.get(key) ?? null;
  }

  async list({
    organization,
    prefix,
    after,
    limit,
  }: LimitListQuery): Promise<readonly LimitRecord[]> {
    const limits = [...(this.#limits.get(organization)?.values() ?? [])];
    return limits
      .filter(({ key }) => key.startsWith(prefix))
      .filter(({ key }) => after === null || compareCodePoints(key, after) > 0)
      .toSorted((one, other) => compareCodePoints(one.key, other.key))
      .slice(0, limit);
  }

  /** Whether the change was made from what is stored. */
  #verdict(organization: Id, key: string, version: number | null): Verdict {
    const stored = this.#limits.get(organization)?.get(key)?.version ?? null;
    if (stored === version) return { verdict: 'ok' };
    return { verdict: stored === null ? 'gone' : 'stale' };
  }
}
