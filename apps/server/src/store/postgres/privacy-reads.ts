import type {
  AccountStretch,
  DocumentRecord,
  EndedStretch,
  PrivacyReads,
} from '@ezthrottle/engine';
import { accountStretch, documentRecord, endedStretch } from '../rows/privacy-rows.ts';
import { integer } from '../rows/row.ts';
import type { Queryable } from './database.ts';
import type { Interned } from './interned.ts';
import { bytesOfText } from './text-bytes.ts';

const DOCUMENTS = `SELECT documents.*, organizations.public_id AS organization_id
  FROM {documents} AS documents JOIN {organizations} AS organizations
    ON organizations.id = documents.organization`;

// Walks look at a bounded number of rows, of whichever organization, so that none holds others up.
export const ENDED_STRETCH = `SELECT job AS id, public_id, organization, ended_at FROM {ended}
  WHERE (ended_at, job) > ($1, $2) AND ended_at < $3 ORDER BY ended_at, job LIMIT $4`;

export const ARRIVED_STRETCH = `SELECT jobs.id, jobs.public_id, jobs.created_at, jobs.account,
    EXISTS (SELECT 1 FROM {runs} AS runs WHERE runs.job = jobs.id) AS is_live
  FROM {jobs} AS jobs WHERE jobs.id > $1 ORDER BY jobs.id LIMIT $2`;

const ACCOUNTS_OF = `SELECT id FROM {accounts} WHERE user_id = $2 AND api_key = ANY (ARRAY(
  SELECT id FROM {api_keys} WHERE organization = $1))`;

/** Reads for what keeps less than everything. */
export class PostgresPrivacyReads implements PrivacyReads {
  readonly #database: Queryable;
  readonly #interned: Interned;

  constructor(database: Queryable, interned: Interned) {
    this.#database = database;
    this.#interned = interned;
  }

  async documents(): Promise<readonly DocumentRecord[]> {
    return (await this.#database.query(DOCUMENTS)).map(documentRecord);
  }

  async ended({
    organization,
    after,
    endedBefore,
    limit,
  }: Parameters<PrivacyReads['ended']>[0]): Promise<EndedStretch> {
    const owner = await this.#interned.findOrganization(organization);
    const values = [after?.at ?? -1, after?.row ?? 0, endedBefore, limit];
    return endedStretch(await this.#database.query(ENDED_STRETCH, values), owner, limit);
  }

  async ofAccount({
    organization,
    userId,
    after,
    limit,
  }: Parameters<PrivacyReads['ofAccount']>[0]): Promise<AccountStretch> {
    const owner = await this.#interned.findOrganization(organization);
    const found =
      owner === null ? [] : await this.#database.query(ACCOUNTS_OF, [owner, bytesOfText(userId)]);
    if (found.length === 0) return { jobs: [], next: null };
    const accounts = new Set(found.map((row) => integer(row, 'id')));
    const rows = await this.#database.query(ARRIVED_STRETCH, [after?.row ?? 0, limit]);
    return accountStretch(rows, accounts, limit);
  }
}
