import type { IdempotencyClaim, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { KeyHolders } from './key-holders.ts';
import { scopeColumn } from '../rows/stored-claim.ts';
import type { WriteScope } from './write-scope.ts';

export interface HashedClaim {
  readonly organization: number;
  readonly keyHash: Uint8Array;
  readonly claim: IdempotencyClaim;
  /** The moment at which an expired key counts as free. */
  readonly at: number;
}

/** Who holds which key, and until when. */
export class IdempotencyWrites {
  readonly #take: Statement;
  readonly #record: Statement;
  readonly #holders: KeyHolders;
  readonly #retire: Statement;
  readonly #endWindow: Statement;
  readonly #remove: Statement;

  constructor({ connection }: WriteScope) {
    this.#take = connection.prepare(
      `INSERT INTO idempotency_keys (organization, key_hash, scope, retired, job)
       VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING`,
    );
    this.#record = connection.prepare(
      `INSERT INTO idempotency_keys (organization, key_hash, scope, retired, job)
       VALUES (?1, ?2, ?3, ?4, ?4)`,
    );
    this.#holders = new KeyHolders(connection);
    this.#endWindow = connection.prepare(
      `UPDATE jobs SET window_ms = 0 WHERE id = (
         SELECT job FROM idempotency_keys
         WHERE organization = ? AND key_hash = ? AND scope = ? AND retired = 0)`,
    );
    this.#retire = connection.prepare(
      `UPDATE idempotency_keys SET retired = job
       WHERE organization = ? AND key_hash = ? AND scope = ? AND retired = 0`,
    );
    this.#remove = connection.prepare(
      `DELETE FROM idempotency_keys
       WHERE organization = ?1 AND key_hash = ?2 AND scope = ?3 AND retired IN (0, ?4) AND job = ?4`,
    );
  }

  /** Gives the key to the job. Another one's that is still taken is left, and the verdict names it. */
  take(job: number, claimed: HashedClaim): Verdict | null {
    const { organization, keyHash, claim } = claimed;
    const scope = scopeColumn(claim.scope) ?? '';
    const isTaken = (): boolean => this.#take.run(organization, keyHash, scope, job).changes === 0;
    // Nearly every key is free.
    if (!isTaken()) return null;
    const duplicate = this.holderOf(claimed);
    if (duplicate !== null) return duplicate;
    this.#retire.run(organization, keyHash, scope);
    isTaken();
    return null;
  }

  /** Null when nobody holds the key, or not any more. */
  holderOf({ organization, keyHash, claim, at }: HashedClaim): Verdict | null {
    return this.#holders.find(organization, keyHash, claim, at);
  }

  /** Takes the key from its holder, which keeps nothing of its window, for the job. */
  takeOver(job: number, { organization, keyHash, claim }: HashedClaim): void {
    const scope = scopeColumn(claim.scope) ?? '';
    this.#endWindow.run(organization, keyHash, scope);
    this.#retire.run(organization, keyHash, scope);
    this.#take.run(organization, keyHash, scope, job);
  }

  /** Writes down that the job came with this key, which another one holds. */
  record(job: number, { organization, keyHash, claim }: HashedClaim): void {
    this.#record.run(organization, keyHash, scopeColumn(claim.scope) ?? '', job);
  }

  remove(job: number, organization: number, keyHash: Uint8Array, scope: string): void {
    this.#remove.run(organization, keyHash, scope, job);
  }
}
