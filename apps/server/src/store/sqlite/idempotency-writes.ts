import { hash } from 'node:crypto';
import type { IdempotencyClaim, Verdict } from '@ezthrottle/engine';
import { JOB_STATE_CODES } from './codes.ts';
import type { Statement } from './connection.ts';
import { coded, flag, identifier, integer, optionalInteger } from './row.ts';
import { restoredFingerprint, scopeColumn } from './stored-claim.ts';
import type { WriteScope } from './write-scope.ts';

/** A key as it is stored and compared: 16 bytes, however long it is. */
export function idempotencyKeyHash(key: string): Uint8Array {
  return hash('sha256', key, 'buffer').subarray(0, 16);
}

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
  readonly #selectHolder: Statement;
  readonly #retire: Statement;
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
    this.#selectHolder = connection.prepare(
      `SELECT jobs.public_id, jobs.state, jobs.created_at, jobs.racing, jobs.fingerprint,
              jobs.ended_at + jobs.window_ms AS expires_at
       FROM idempotency_keys JOIN jobs ON jobs.id = idempotency_keys.job
       WHERE idempotency_keys.organization = ? AND key_hash = ? AND idempotency_keys.scope = ?
         AND retired = 0`,
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
    const duplicate = this.#holderOf(claimed, scope);
    if (duplicate !== null) return duplicate;
    this.#retire.run(organization, keyHash, scope);
    isTaken();
    return null;
  }

  /** Writes down that the job came with this key, which another one holds. */
  record(job: number, { organization, keyHash, claim }: HashedClaim): void {
    this.#record.run(organization, keyHash, scopeColumn(claim.scope) ?? '', job);
  }

  remove(job: number, organization: number, keyHash: Uint8Array, scope: string): void {
    this.#remove.run(organization, keyHash, scope, job);
  }

  /** Null when the key has expired. */
  #holderOf({ organization, keyHash, claim, at }: HashedClaim, scope: string): Verdict | null {
    const row = this.#selectHolder.get(organization, keyHash, scope);
    if (row === undefined) return null;
    const expiresAt = optionalInteger(row, 'expires_at');
    if (expiresAt !== null && expiresAt <= at) return null;
    return {
      verdict: 'duplicate',
      jobId: identifier(row, 'public_id'),
      state: coded(row, 'state', JOB_STATE_CODES),
      createdAt: integer(row, 'created_at'),
      mismatch: restoredFingerprint(row['fingerprint']) !== claim.fingerprint,
      expiresAt,
      racing: flag(row, 'racing'),
    };
  }
}
