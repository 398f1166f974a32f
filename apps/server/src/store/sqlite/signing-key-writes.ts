import type { SigningKeyOperation, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import { sealedColumns } from '../rows/sealed-columns.ts';
import type { WriteScope } from './write-scope.ts';

/** Keys that sign webhooks beside the secrets. */
export class SigningKeyWrites {
  readonly #interned: Interned;
  readonly #count: Statement;
  readonly #insert: Statement;
  readonly #trim: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#count = connection.prepare('SELECT 1 FROM signing_keys WHERE organization = ? LIMIT 1');
    this.#insert = connection.prepare(
      `INSERT INTO signing_keys (organization, public_key, seed_key_id, seed_nonce, seed_ciphertext,
         created_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    this.#trim = connection.prepare(
      `DELETE FROM signing_keys WHERE organization = ?1 AND id NOT IN (
         SELECT id FROM signing_keys WHERE organization = ?1 ORDER BY id DESC LIMIT ?2)`,
    );
  }

  apply(operation: SigningKeyOperation): Verdict {
    if (operation.type === 'delete_signing_keys') {
      const organization = this.#interned.findOrganization(operation.organization);
      const count = organization === null ? 0 : this.#trim.run(organization, 0).changes;
      return { verdict: 'ok', count };
    }
    const organization = this.#interned.organization(operation.organization);
    const hasOne = this.#count.get(organization) !== undefined;
    if (hasOne !== operation.isRotation) return { verdict: hasOne ? 'stale' : 'gone' };
    const { publicKey, seed, createdAt } = operation.key;
    this.#insert.run(organization, publicKey, ...sealedColumns(seed), createdAt);
    this.#trim.run(organization, 2);
    return { verdict: 'ok' };
  }
}
