import type { SealedPlace, SealedRecord, SecretRecord } from '@ezthrottle/engine';
import type { Connection, Statement } from './connection.ts';
import { restoredSecret, SEALED_COLUMNS, sealedRecord } from '../rows/sealed-rows.ts';

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
        found.push(sealedRecord(kind, row));
      }
    }
    return found;
  }
}
