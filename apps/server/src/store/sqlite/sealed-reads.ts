import type { SealedPlace, SealedRecord, SecretRecord } from '@ezthrottle/engine';
import type { Connection, Row, Statement } from './connection.ts';
import { identifier, integer, text } from '../rows/row.ts';
import { restoredSealed } from '../rows/sealed-columns.ts';

/** Every column that holds sealed texts: a new one belongs here, so that its master key can change. */
const SEALED_COLUMNS: readonly {
  readonly kind: SealedPlace['kind'];
  readonly table: string;
  readonly column: string;
  readonly name: string;
}[] = [
  { kind: 'webhook_primary', table: 'webhook_secrets', column: 'primary', name: "''" },
  { kind: 'webhook_secondary', table: 'webhook_secrets', column: 'secondary', name: "''" },
  { kind: 'signing_key', table: 'signing_keys', column: 'seed', name: 'public_key' },
  { kind: 'secret', table: 'secrets', column: 'value', name: 'secrets.name' },
];

/** Reads what is sealed, wherever it stands. */
export class SealedReads {
  readonly #secrets: Statement;
  readonly #byOthers: readonly { readonly kind: SealedPlace['kind']; readonly rows: Statement }[];

  constructor(connection: Connection) {
    this.#secrets = connection.prepare(
      `SELECT secrets.*, organizations.public_id AS organization_id
       FROM secrets JOIN organizations ON organizations.id = secrets.organization`,
    );
    this.#byOthers = SEALED_COLUMNS.map(({ kind, table, column, name }) => ({
      kind,
      rows: connection.prepare(
        `SELECT organizations.public_id AS organization_id, ${name} AS place_name,
           ${column}_key_id AS sealed_key_id, ${column}_nonce AS sealed_nonce,
           ${column}_ciphertext AS sealed_ciphertext
         FROM ${table} JOIN organizations ON organizations.id = ${table}.organization
         WHERE ${column}_key_id <> ? LIMIT ?`,
      ),
    }));
  }

  secrets(): readonly SecretRecord[] {
    return this.#secrets.all().map(restoredSecret);
  }

  byOthers(keyId: string, limit: number): readonly SealedRecord[] {
    const found: SealedRecord[] = [];
    for (const { kind, rows } of this.#byOthers) {
      if (found.length >= limit) break;
      for (const row of rows.all(keyId, limit - found.length)) {
        found.push({
          kind,
          organization: identifier(row, 'organization_id'),
          name: text(row, 'place_name'),
          sealed: restoredSealed(row, 'sealed'),
        });
      }
    }
    return found;
  }
}

function restoredSecret(row: Row): SecretRecord {
  const origins: readonly string[] = JSON.parse(text(row, 'origins'));
  return {
    organization: identifier(row, 'organization_id'),
    name: text(row, 'name'),
    value: restoredSealed(row, 'value'),
    origins,
    createdAt: integer(row, 'created_at'),
    updatedAt: integer(row, 'updated_at'),
  };
}
