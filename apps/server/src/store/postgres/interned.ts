import { type Id, slotOf } from '@ezthrottle/engine';
import { Rejection } from '../rows/rejection.ts';
import { identifier, integer, text } from '../rows/row.ts';
import { listOf } from './columns.ts';
import type { Queryable } from './database.ts';
import { bytesOfText } from './text-bytes.ts';

/** Entries kept per kind; beyond it the oldest half is forgotten and read again when needed. */
const KEPT = 20_000;

interface KnownApiKey {
  readonly row: number;
  readonly organization: number;
}

/**
 * Numbers that were read or given. Rows of these kinds are never deleted, but the names of accounts are forgotten:
 * only a transaction, before which that is counted, may know their numbers. Each lane of commits has a cache of its
 * own: what one has given is not there for another before it is committed.
 */
export class InternedCache {
  readonly #siblings: Set<InternedCache>;
  readonly organizations: Map<Id, number> = new Map();
  readonly apiKeys: Map<Id, KnownApiKey> = new Map();
  readonly accounts: Map<string, number> = new Map();
  readonly destinations: Map<string, number> = new Map();

  /** @param sibling Of the same store. Default: there is none yet. */
  constructor(sibling?: InternedCache) {
    this.#siblings = sibling === undefined ? new Set() : sibling.#siblings;
    this.#siblings.add(this);
  }

  /** How often names had been forgotten when these accounts were read. */
  #names = 0;

  /** At the begin of each transaction, by which time names were forgotten so many times, by whomever. */
  knowAccountsAsOf(names: number): void {
    if (names !== this.#names) this.accounts.clear();
    this.#names = names;
  }

  /** After a name was forgotten: it is another now. */
  forgetEverywhere(): void {
    for (const sibling of this.#siblings) sibling.forget();
  }

  /** After a rollback: some of it may never have been. */
  forget(): void {
    this.organizations.clear();
    this.apiKeys.clear();
    this.accounts.clear();
    this.destinations.clear();
  }
}

/** A line of an organization. */
interface Line {
  readonly organization: Id;
  /** Its name. */
  readonly origin: string;
}

/** What the rows of a job name. */
export interface JobNames {
  readonly organization: Id;
  readonly apiKey: Id;
  readonly userId: string;
  /** Names of lines. */
  readonly origins: readonly string[];
}

/**
 * Row ids of what many rows name: organizations, API keys, accounts, destinations. Reads (and, where it
 * says so, writes) by `queryable`: in a transaction its connection, else the database.
 */
export class Interned {
  readonly #queryable: Queryable;
  readonly #cache: InternedCache;

  constructor(queryable: Queryable, cache: InternedCache) {
    this.#queryable = queryable;
    this.#cache = cache;
  }

  forget(): void {
    this.#cache.forget();
  }

  /** Only while no other lane writes. */
  forgetEverywhere(): void {
    this.#cache.forgetEverywhere();
  }

  /** Null when the organization is unknown. */
  async findOrganization(id: Id): Promise<number | null> {
    const known = this.#cache.organizations.get(id);
    if (known !== undefined) return known;
    await this.#readOrganizations([id]);
    return this.#cache.organizations.get(id) ?? null;
  }

  /** @throws Rejection when the organization is unknown. */
  async organization(id: Id): Promise<number> {
    await this.findOrganization(id);
    return this.knownOrganization(id);
  }

  /** Null when the API key is unknown. */
  async findApiKey(id: Id): Promise<KnownApiKey | null> {
    const known = this.#cache.apiKeys.get(id);
    if (known !== undefined) return known;
    await this.#readApiKeys([id]);
    return this.#cache.apiKeys.get(id) ?? null;
  }

  /** Null when nothing was ever sent there. */
  async findDestination(organization: number, origin: string): Promise<number | null> {
    const known = this.#cache.destinations.get(`${organization} ${origin}`);
    if (known !== undefined) return known;
    const [row] = await this.#queryable.query(
      'SELECT id FROM {destinations} WHERE organization = $1 AND origin = $2',
      [organization, origin],
    );
    if (row === undefined) return null;
    return remember(this.#cache.destinations, `${organization} ${origin}`, integer(row, 'id'));
  }

  /**
   * Writes down lines that are new, so that `knownDestination` finds them.
   *
   * @throws Rejection when an organization is unknown.
   */
  async prepareLines(lines: readonly Line[]): Promise<void> {
    for (const { organization } of lines) await this.organization(organization);
    await this.#writeDestinations(lines);
  }

  /**
   * Reads and writes down all that these jobs name, so that the `known…` below find it. What cannot be
   * found is left to them to refuse.
   */
  async prepare(jobs: readonly JobNames[]): Promise<void> {
    const missing = jobs.filter((job) => !this.#isPrepared(job));
    if (missing.length === 0) return;
    const { organizations, apiKeys } = this.#cache;
    await this.#readOrganizations(
      absent(
        organizations,
        missing.map((job) => job.organization),
      ),
    );
    await this.#readApiKeys(
      absent(
        apiKeys,
        missing.map((job) => job.apiKey),
      ),
    );
    const known = missing.filter(
      (job) => apiKeys.get(job.apiKey)?.organization === organizations.get(job.organization),
    );
    await this.#writeAccounts(known);
    await this.#writeDestinations(
      known.flatMap(({ organization, origins }) =>
        origins.map((origin) => ({ organization, origin })),
      ),
    );
  }

  /** @throws Rejection when it is unknown. */
  knownOrganization(id: Id): number {
    const row = this.#cache.organizations.get(id);
    if (row === undefined) throw new Rejection('organization: not known, put it first');
    return row;
  }

  /** @throws Rejection when the API key is unknown or of another organization. */
  knownAccount(organization: number, apiKey: Id, userId: string): number {
    const key = this.#cache.apiKeys.get(apiKey);
    const account =
      key?.organization === organization
        ? this.#cache.accounts.get(accountName(key.row, userId))
        : undefined;
    if (account === undefined) {
      throw new Rejection('apiKey: not known in this organization, put it first');
    }
    return account;
  }

  /** @throws Rejection when the line's name cannot be kept. */
  knownDestination(organization: number, origin: string): number {
    const row = this.#cache.destinations.get(`${organization} ${origin}`);
    if (row === undefined) throw new Rejection('origin: cannot be kept');
    return row;
  }

  #isPrepared({ organization, apiKey, userId, origins }: JobNames): boolean {
    const owner = this.#cache.organizations.get(organization);
    const key = this.#cache.apiKeys.get(apiKey);
    return (
      owner !== undefined &&
      key !== undefined &&
      this.#cache.accounts.has(accountName(key.row, userId)) &&
      origins.every((origin) => this.#cache.destinations.has(`${owner} ${origin}`))
    );
  }

  async #readOrganizations(ids: readonly Id[]): Promise<void> {
    const wanted = ids.filter(isIdentifier);
    if (wanted.length === 0) return;
    const rows = await this.#queryable.query(
      'SELECT id, public_id FROM {organizations} WHERE public_id = ANY($1::uuid[])',
      [listOf('uuid', wanted)],
    );
    for (const row of rows) {
      remember(this.#cache.organizations, identifier(row, 'public_id'), integer(row, 'id'));
    }
  }

  async #readApiKeys(ids: readonly Id[]): Promise<void> {
    const wanted = ids.filter(isIdentifier);
    if (wanted.length === 0) return;
    const rows = await this.#queryable.query(
      'SELECT id, public_id, organization FROM {api_keys} WHERE public_id = ANY($1::uuid[])',
      [listOf('uuid', wanted)],
    );
    for (const row of rows) {
      const found = { row: integer(row, 'id'), organization: integer(row, 'organization') };
      remember(this.#cache.apiKeys, identifier(row, 'public_id'), found);
    }
  }

  async #writeAccounts(jobs: readonly JobNames[]): Promise<void> {
    const wanted = new Map<string, { readonly key: number; readonly userId: string }>();
    for (const { apiKey, userId } of jobs) {
      const key = this.#cache.apiKeys.get(apiKey)?.row;
      if (key === undefined) continue;
      const name = accountName(key, userId);
      if (!this.#cache.accounts.has(name)) wanted.set(name, { key, userId });
    }
    if (wanted.size === 0) return;
    // In one order everywhere, so that two nodes that write the same names wait for each other in turn.
    const sorted = [...wanted].toSorted(byName).map(([, value]) => value);
    const lists = [
      listOf(
        'int4',
        sorted.map(({ key }) => key),
      ),
      listOf(
        'bytea',
        sorted.map(({ userId }) => bytesOfText(userId)),
      ),
    ];
    await this.#queryable.run(
      // A conflict uses a number up: only what is new comes so far.
      `INSERT INTO {accounts} (api_key, user_id)
       SELECT * FROM unnest($1::int4[], $2::bytea[]) AS wanted (api_key, user_id)
       WHERE NOT EXISTS (SELECT FROM {accounts} AS known
         WHERE known.api_key = wanted.api_key AND known.user_id = wanted.user_id)
       ON CONFLICT DO NOTHING`,
      lists,
    );
    const rows = await this.#queryable.query(
      `SELECT accounts.id, accounts.api_key, accounts.user_id
       FROM unnest($1::int4[], $2::bytea[]) AS wanted (api_key, user_id)
       JOIN {accounts} USING (api_key, user_id)`,
      lists,
    );
    for (const row of rows) {
      const name = accountName(integer(row, 'api_key'), text(row, 'user_id'));
      remember(this.#cache.accounts, name, integer(row, 'id'));
    }
  }

  async #writeDestinations(lines: readonly Line[]): Promise<void> {
    const wanted = new Map<string, { owner: number; slot: number; origin: string }>();
    for (const { organization, origin } of lines) {
      const owner = this.knownOrganization(organization);
      const name = `${owner} ${origin}`;
      if (this.#cache.destinations.has(name) || origin.includes('\u0000')) continue;
      wanted.set(name, { owner, slot: slotOf(organization, origin), origin });
    }
    if (wanted.size === 0) return;
    const sorted = [...wanted].toSorted(byName).map(([, value]) => value);
    const owners = listOf(
      'int4',
      sorted.map(({ owner }) => owner),
    );
    const slots = listOf(
      'int2',
      sorted.map(({ slot }) => slot),
    );
    const origins = listOf(
      'text',
      sorted.map(({ origin }) => origin),
    );
    await this.#queryable.run(
      `INSERT INTO {destinations} (organization, slot, origin)
       SELECT * FROM unnest($1::int4[], $2::int2[], $3::text[]) AS wanted (organization, slot, origin)
       WHERE NOT EXISTS (SELECT FROM {destinations} AS known
         WHERE known.organization = wanted.organization AND known.origin = wanted.origin)
       ON CONFLICT DO NOTHING`,
      [owners, slots, origins],
    );
    const rows = await this.#queryable.query(
      `SELECT destinations.id, destinations.organization, destinations.origin
       FROM unnest($1::int4[], $2::text[]) AS wanted (organization, origin)
       JOIN {destinations} USING (organization, origin)`,
      [owners, origins],
    );
    for (const row of rows) {
      const name = `${integer(row, 'organization')} ${text(row, 'origin')}`;
      remember(this.#cache.destinations, name, integer(row, 'id'));
    }
  }
}

const IDENTIFIER = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether it is a UUID as all of them are written here. */
export function isIdentifier(id: Id): boolean {
  return IDENTIFIER.test(id);
}

function accountName(apiKey: number, userId: string): string {
  return `${apiKey} ${userId}`;
}

function absent<Key>(map: ReadonlyMap<Key, unknown>, keys: readonly Key[]): readonly Key[] {
  return [...new Set(keys)].filter((key) => !map.has(key));
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}

function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): Value {
  if (map.size >= KEPT) forgetOldest(map, KEPT / 2);
  map.set(key, value);
  return value;
}

function forgetOldest<Key, Value>(map: Map<Key, Value>, count: number): void {
  let left = count;
  for (const key of map.keys()) {
    if (left === 0) return;
    map.delete(key);
    left -= 1;
  }
}
