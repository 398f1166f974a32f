import type {
  AccountStretch,
  DocumentRecord,
  EndedStretch,
  PrivacyReads,
} from '@ezthrottle/engine';
import type { Connection, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import { integer } from '../rows/row.ts';
import { accountStretch, documentRecord, endedStretch } from '../rows/privacy-rows.ts';

// Walks look at a bounded number of rows, of whichever organization, so that none holds others up.
export const ENDED_STRETCH = `SELECT id, public_id, organization, ended_at
  FROM jobs WHERE (ended_at, id) > (?, ?) AND ended_at < ? ORDER BY ended_at, id LIMIT ?`;

const ARRIVED_STRETCH = `SELECT jobs.id, jobs.public_id, jobs.organization, created_at, account,
    ended_at IS NULL AS is_live
  FROM jobs WHERE jobs.id > ? ORDER BY jobs.id LIMIT ?`;

/** Reads for what keeps less than everything. */
export class SqlitePrivacyReads implements PrivacyReads {
  readonly #interned: Interned;
  readonly #documents: Statement;
  readonly #ended: Statement;
  readonly #arrived: Statement;
  readonly #accounts: Statement;

  constructor(connection: Connection, interned: Interned) {
    this.#interned = interned;
    this.#documents = connection.prepare(
      `SELECT documents.*, organizations.public_id AS organization_id
       FROM documents JOIN organizations ON organizations.id = documents.organization`,
    );
    this.#ended = connection.prepare(ENDED_STRETCH);
    this.#arrived = connection.prepare(ARRIVED_STRETCH);
    this.#accounts = connection.prepare(
      `SELECT accounts.id FROM accounts JOIN api_keys ON api_keys.id = accounts.api_key
       WHERE api_keys.organization = (SELECT id FROM organizations WHERE public_id = ?)
         AND accounts.user_id = ?`,
    );
  }

  async documents(): Promise<readonly DocumentRecord[]> {
    return this.#documents.all().map(documentRecord);
  }

  async ended({
    organization,
    after,
    endedBefore,
    limit,
  }: Parameters<PrivacyReads['ended']>[0]): Promise<EndedStretch> {
    const owner = this.#interned.findOrganization(organization);
    const rows = this.#ended.all(after?.at ?? -1, after?.row ?? 0, endedBefore, limit);
    return endedStretch(rows, owner, limit);
  }

  async ofAccount({
    organization,
    userId,
    after,
    limit,
  }: Parameters<PrivacyReads['ofAccount']>[0]): Promise<AccountStretch> {
    const bytes = identifierBytes(organization);
    const accounts = new Set(
      bytes === null
        ? []
        : this.#accounts.all(bytes, userId).map((account) => integer(account, 'id')),
    );
    if (accounts.size === 0) return { jobs: [], next: null };
    const rows = this.#arrived.all(after?.row ?? 0, limit);
    return accountStretch(rows, accounts, limit);
  }
}
