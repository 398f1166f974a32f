import type { SecretOperation, SecretRecord, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import { sealedColumns } from '../rows/sealed-columns.ts';
import type { WriteScope } from './write-scope.ts';

type Reseal = Extract<SecretOperation, { type: 'reseal' }>;

/** Secrets that jobs refer to, and whatever is sealed anywhere when its master key changes. */
export class SecretWrites {
  readonly #interned: Interned;
  readonly #put: Statement;
  readonly #delete: Statement;
  readonly #reseals: Readonly<Record<Reseal['place']['kind'], Statement>>;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#put = connection.prepare(
      `INSERT INTO secrets (organization, name, value_key_id, value_nonce, value_ciphertext, origins,
         created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (organization, name) DO UPDATE SET
         value_key_id = excluded.value_key_id, value_nonce = excluded.value_nonce,
         value_ciphertext = excluded.value_ciphertext, origins = excluded.origins,
         updated_at = excluded.updated_at`,
    );
    this.#delete = connection.prepare('DELETE FROM secrets WHERE organization = ? AND name = ?');
    const reseal = (table: string, column: string, name: string): Statement =>
      connection.prepare(
        `UPDATE ${table} SET ${column}_key_id = ?, ${column}_nonce = ?, ${column}_ciphertext = ?
         WHERE organization = ? AND ${name} = ? AND ${column}_nonce = ? AND ${column}_ciphertext = ?`,
      );
    this.#reseals = {
      webhook_primary: reseal('webhook_secrets', 'primary', "''"),
      webhook_secondary: reseal('webhook_secrets', 'secondary', "''"),
      signing_key: reseal('signing_keys', 'seed', 'public_key'),
      secret: reseal('secrets', 'value', 'name'),
    };
  }

  apply(operation: SecretOperation): Verdict {
    switch (operation.type) {
      case 'put_secret':
        return this.#putRecord(operation.secret);
      case 'delete_secret': {
        const organization = this.#interned.findOrganization(operation.organization);
        const isGone =
          organization === null || this.#delete.run(organization, operation.name).changes === 0;
        return { verdict: isGone ? 'gone' : 'ok' };
      }
      case 'reseal':
        return this.#reseal(operation);
    }
  }

  #putRecord({ organization, name, value, origins, createdAt, updatedAt }: SecretRecord): Verdict {
    this.#put.run(
      this.#interned.organization(organization),
      name,
      ...sealedColumns(value),
      JSON.stringify(origins),
      createdAt,
      updatedAt,
    );
    return { verdict: 'ok' };
  }

  #reseal({ place, was, sealed }: Reseal): Verdict {
    const organization = this.#interned.findOrganization(place.organization);
    if (organization === null) return { verdict: 'stale' };
    const { changes } = this.#reseals[place.kind].run(
      ...sealedColumns(sealed),
      organization,
      place.name,
      was.nonce,
      was.ciphertext,
    );
    return { verdict: changes === 0 ? 'stale' : 'ok' };
  }
}
