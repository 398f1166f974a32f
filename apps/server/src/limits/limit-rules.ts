import { accountLimit, destinationLimit, parseLimitKey } from '@ezthrottle/core/protocol';
import { limitSettings } from '@ezthrottle/engine';
import type {
  Id,
  LimitLookup,
  LimitReads,
  LimitRecord,
  LimitSettings,
  PaceSettings,
  TenancyReads,
} from '@ezthrottle/engine';
import { decodeLimit } from './limit-data.ts';

/** Told of a limit that has changed, was made or has gone, once that is on disk. */
export type LimitListener = (organization: Id, key: string) => void;

/** All limits in memory, as they are on disk: what pacing asks at every call. */
export interface LimitRules {
  /** Null: there is no such limit. `key` in its one spelling. */
  settingsOf(organization: Id, key: string): LimitSettings | null;
  /** Pace of a destination: its limit's, else the operator's, else the default. */
  destinationPace(organization: Id, origin: string): PaceSettings;
  /** Limits that jobs may name, for `checkLimitCosts`. */
  namedBy(organization: Id): LimitLookup;
  /** Key of the account's limit; null: it has none. */
  accountLimit(organization: Id, userId: string): string | null;
  /** Turns of this API key for each one that another has. */
  weightOf(apiKey: Id): number;
  /** @returns Ends it. */
  onChanged(listener: LimitListener): () => void;
}

/** The rules, and how what was committed gets into them. */
export interface LiveLimitRules extends LimitRules {
  /** Reads what is stored. */
  load(): Promise<void>;
  /** Reads it again, since others have changed some of it, and tells of what is different. */
  refresh(): Promise<void>;
  countOf(organization: Id): number;
  readonly size: number;
  changed(organization: Id, key: string, record: LimitRecord | null): void;
  /** The operator says something else about these origins from now on. */
  operatorChanged(origins: readonly string[]): Promise<void>;
}

const PAGE = 1_000;

export function createLimitRules(options: {
  readonly limits: Pick<LimitReads, 'list' | 'get'>;
  readonly tenancy: Pick<TenancyReads, 'organizations'>;
  /** What the operator, or the default, says about an origin. */
  readonly paceOf: (origin: string) => PaceSettings;
}): LiveLimitRules {
  return new Rules(options);
}

class Rules implements LiveLimitRules {
  readonly #options: Parameters<typeof createLimitRules>[0];
  readonly #settings = new Map<Id, Map<string, LimitSettings>>();
  readonly #listeners = new Set<LimitListener>();
  /** Only those that are not 1. Ids of keys are nobody else's: whose they are was looked at when they were put. */
  readonly #weights = new Map<Id, number>();
  /** What is stored of each, as it was read or written last. */
  readonly #said = new Map<string, string>();
  #size = 0;

  constructor(options: Parameters<typeof createLimitRules>[0]) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  async load(): Promise<void> {
    for await (const [organization, record] of this.#stored()) {
      this.#hold(organization, record.key, record);
    }
  }

  async refresh(): Promise<void> {
    const gone = new Map<string, readonly [Id, string]>();
    for (const [organization, held] of this.#settings) {
      for (const key of held.keys()) gone.set(`${organization} ${key}`, [organization, key]);
    }
    for await (const [organization, record] of this.#stored()) {
      gone.delete(`${organization} ${record.key}`);
      if (this.#said.get(`${organization} ${record.key}`) === record.data) continue;
      this.changed(organization, record.key, record);
    }
    for (const [organization, key] of gone.values()) this.changed(organization, key, null);
  }

  async *#stored(): AsyncGenerator<readonly [Id, LimitRecord]> {
    const { limits, tenancy } = this.#options;
    for (const { id: organization } of await tenancy.organizations()) {
      for (let after: string | null = null; ; ) {
        const page: readonly LimitRecord[] = await limits.list({
          organization,
          prefix: '',
          after,
          limit: PAGE,
        });
        for (const record of page) yield [organization, record];
        if (page.length < PAGE) break;
        after = page.at(-1)?.key ?? null;
      }
    }
  }

  settingsOf(organization: Id, key: string): LimitSettings | null {
    return this.#settings.get(organization)?.get(key) ?? null;
  }

  destinationPace(organization: Id, origin: string): PaceSettings {
    const settings = this.settingsOf(organization, destinationLimit(origin));
    return settings?.pace ?? this.#options.paceOf(origin);
  }

  namedBy(organization: Id): LimitLookup {
    return (name) => {
      const settings = this.settingsOf(organization, name);
      return settings?.kind === 'custom' ? settings.pace : null;
    };
  }

  accountLimit(organization: Id, userId: string): string | null {
    const held = this.#settings.get(organization);
    const key = accountLimit(userId);
    return held?.has(key) === true ? key : null;
  }

  weightOf(apiKey: Id): number {
    return this.#weights.size === 0 ? 1 : (this.#weights.get(apiKey) ?? 1);
  }

  onChanged(listener: LimitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  countOf(organization: Id): number {
    return this.#settings.get(organization)?.size ?? 0;
  }

  changed(organization: Id, key: string, record: LimitRecord | null): void {
    this.#hold(organization, key, record);
    for (const listener of this.#listeners) listener(organization, key);
  }

  async operatorChanged(origins: readonly string[]): Promise<void> {
    const { limits, tenancy } = this.#options;
    for (const { id: organization } of await tenancy.organizations()) {
      for (const key of origins.map(destinationLimit)) {
        // What its owner has left open comes from the operator: it is read anew.
        const own = this.settingsOf(organization, key) && (await limits.get(organization, key));
        this.changed(organization, key, own);
      }
    }
  }

  #hold(organization: Id, key: string, record: LimitRecord | null): void {
    const held = this.#settings.get(organization) ?? new Map<string, LimitSettings>();
    const parsed = parseLimitKey(key);
    if (held.delete(key)) this.#size -= 1;
    if (record === null) this.#said.delete(`${organization} ${key}`);
    else this.#said.set(`${organization} ${key}`, record.data);
    if (parsed?.kind === 'api_key') this.#weights.delete(parsed.apiKey);
    if (record !== null && parsed !== null) {
      const said = decodeLimit(record.data);
      const base = parsed.kind === 'destination' ? this.#options.paceOf(parsed.origin) : undefined;
      held.set(key, limitSettings(parsed.kind, said, base));
      if (parsed.kind === 'api_key') this.#weights.set(parsed.apiKey, said.weight ?? 1);
      this.#size += 1;
    }
    if (held.size > 0) this.#settings.set(organization, held);
    else this.#settings.delete(organization);
  }
}
