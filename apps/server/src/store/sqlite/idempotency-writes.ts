import { hash } from 'node:crypto';
import { JOB_STATES } from '@ezthrottle/core/protocol';
import type { IdempotencyClaim, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { flag, identifier, integer, optionalInteger, text, word } from './row.ts';
import type { WriteScope } from './write-scope.ts';

/** A key as it is stored and compared: 32 bytes, however long it is. */
export function idempotencyKeyHash(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

export interface HashedClaim {
  readonly organization: number;
  readonly keyHash: Buffer;
  readonly claim: IdempotencyClaim;
  /** The moment at which an expired key counts as free. */
  readonly at: number;
}

/** Whether a key may be taken; if not, the verdict that names the job which holds it. */
export type KeyHolder =
  | { readonly state: 'free' }
  | { readonly state: 'expired' }
  | { readonly state: 'taken'; readonly duplicate: Verdict };

/** Who holds which key, and until when. */
export class IdempotencyWrites {
  readonly #selectHolder: Statement;
  readonly #retire: Statement;
  readonly #take: Statement;
  readonly #startWindow: Statement;

  constructor({ connection }: WriteScope) {
    this.#selectHolder = connection.prepare(
      `SELECT jobs.public_id, jobs.state, jobs.created_at, jobs.racing,
              idempotency_keys.fingerprint, idempotency_keys.expires_at
       FROM idempotency_keys JOIN jobs ON jobs.id = idempotency_keys.job
       WHERE idempotency_keys.organization = ? AND key_hash = ? AND scope = ? AND retired = 0`,
    );
    this.#retire = connection.prepare(
      `UPDATE idempotency_keys SET retired = job
       WHERE organization = ? AND key_hash = ? AND scope = ? AND retired = 0 AND expires_at <= ?`,
    );
    this.#take = connection.prepare(
      `INSERT INTO idempotency_keys
         (job, organization, scope, key_hash, fingerprint, window_ms, retired)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#startWindow = connection.prepare(
      'UPDATE idempotency_keys SET expires_at = ? + window_ms WHERE job = ?',
    );
  }

  holderOf({ organization, keyHash, claim, at }: HashedClaim): KeyHolder {
    const row = this.#selectHolder.get(organization, keyHash, claim.scope);
    if (row === undefined) return { state: 'free' };
    const expiresAt = optionalInteger(row, 'expires_at');
    if (expiresAt !== null && expiresAt <= at) return { state: 'expired' };
    return {
      state: 'taken',
      duplicate: {
        verdict: 'duplicate',
        jobId: identifier(row, 'public_id'),
        state: word(row, 'state', JOB_STATES),
        createdAt: integer(row, 'created_at'),
        mismatch: text(row, 'fingerprint') !== claim.fingerprint,
        expiresAt,
        racing: flag(row, 'racing'),
      },
    };
  }

  /** Gives the key to the job, or records only that the job came with it when another one holds it. */
  record(job: number, { organization, keyHash, claim, at }: HashedClaim, holder: KeyHolder): void {
    const { scope, fingerprint, windowMs } = claim;
    if (holder.state === 'expired') this.#retire.run(organization, keyHash, scope, at);
    const retired = holder.state === 'taken' ? job : 0;
    this.#take.run(job, organization, scope, keyHash, fingerprint, windowMs, retired);
  }

  startWindow(job: number, endedAt: number): void {
    this.#startWindow.run(endedAt, job);
  }
}
