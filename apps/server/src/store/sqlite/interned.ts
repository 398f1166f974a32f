import type { Id } from '@ezthrottle/engine';
import type { Connection, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import { Rejection } from '../rows/rejection.ts';
import { integer } from '../rows/row.ts';

/** Entries kept per kind; beyond it the oldest half is forgotten and read again when needed. */
const KEPT = 20_000;

interface KnownApiKey {
  readonly row: number;
  readonly organization: number;
}

/**
 * Row ids of what many rows name: organizations, API keys, accounts, destinations. Remembered in
 * memory; `forget` must be called when a transaction or savepoint was rolled back.
 */
export class Interned {
  readonly #organizations = new Map<Id, number>();
  readonly #apiKeys = new Map<Id, KnownApiKey>();
  readonly #accounts = new Map<string, number>();
  readonly #destinations = new Map<string, number>();
  readonly #selectOrganization: Statement;
  readonly #selectApiKey: Statement;
  readonly #selectAccount: Statement;
  readonly #insertAccount: Statement;
  readonly #selectDestination: Statement;
  readonly #insertDestination: Statement;

  constructor(connection: Connection) {
    this.#selectOrganization = connection.prepare(
      'SELECT id FROM organizations WHERE public_id = ?',
    );
    this.#selectApiKey = connection.prepare(
      'SELECT id, organization FROM api_keys WHERE public_id = ?',
    );
    this.#selectAccount = connection.prepare(
      'SELECT id FROM accounts WHERE api_key = ? AND user_id = ?',
    );
    this.#insertAccount = connection.prepare(
      'INSERT INTO accounts (api_key, user_id) VALUES (?, ?)',
    );
    this.#selectDestination = connection.prepare(
      'SELECT id FROM destinations WHERE organization = ? AND origin = ?',
    );
    this.#insertDestination = connection.prepare(
      'INSERT INTO destinations (organization, origin) VALUES (?, ?)',
    );
  }

  forget(): void {
    this.#organizations.clear();
    this.#apiKeys.clear();
    this.#accounts.clear();
    this.#destinations.clear();
  }

  /** Null when the organization is unknown. */
  findOrganization(id: Id): number | null {
    const known = this.#organizations.get(id);
    if (known !== undefined) return known;
    const bytes = identifierBytes(id);
    const row = bytes === null ? undefined : this.#selectOrganization.get(bytes);
    if (row === undefined) return null;
    return remembered(this.#organizations, id, integer(row, 'id'));
  }

  /** @throws Rejection when the organization is unknown. */
  organization(id: Id): number {
    const row = this.findOrganization(id);
    if (row === null) throw new Rejection('organization: not known, put it first');
    return row;
  }

  /** Null when the API key is unknown. */
  findApiKey(id: Id): KnownApiKey | null {
    const known = this.#apiKeys.get(id);
    if (known !== undefined) return known;
    const bytes = identifierBytes(id);
    const row = bytes === null ? undefined : this.#selectApiKey.get(bytes);
    if (row === undefined) return null;
    const found = { row: integer(row, 'id'), organization: integer(row, 'organization') };
    return remembered(this.#apiKeys, id, found);
  }

  /** Null when the account is unknown. */
  findAccount(apiKey: number, userId: string): number | null {
    const name = `${apiKey} ${userId}`;
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const row = this.#selectAccount.get(apiKey, userId);
    return row === undefined ? null : remembered(this.#accounts, name, integer(row, 'id'));
  }

  /** @throws Rejection when the API key is unknown or of another organization. */
  account(organization: number, apiKey: Id, userId: string): number {
    const key = this.findApiKey(apiKey);
    if (key === null || key.organization !== organization) {
      throw new Rejection('apiKey: not known in this organization, put it first');
    }
    const known = this.findAccount(key.row, userId);
    if (known !== null) return known;
    const { rowId } = this.#insertAccount.run(key.row, userId);
    return remembered(this.#accounts, `${key.row} ${userId}`, rowId);
  }

  /** Null when nothing was ever sent there. */
  findDestination(organization: number, origin: string): number | null {
    const name = `${organization} ${origin}`;
    const known = this.#destinations.get(name);
    if (known !== undefined) return known;
    const row = this.#selectDestination.get(organization, origin);
    return row === undefined ? null : remembered(this.#destinations, name, integer(row, 'id'));
  }

  destination(organization: number, origin: string): number {
    const known = this.findDestination(organization, origin);
    if (known !== null) return known;
    const { rowId } = this.#insertDestination.run(organization, origin);
    return remembered(this.#destinations, `${organization} ${origin}`, rowId);
  }
}

function remembered<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): Value {
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
