import { hash } from 'node:crypto';
import { JOB_STATES } from '@ezthrottle/core/protocol';
import type { IdempotencyClaim, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { flag, identifier, integer, optionalInteger, text, word } from './row.ts';
import type { WriteScope } from './write-scope.ts';

/** A key as it is stored and compared: any length, any bytes, 32 of them. */
export function idempotencyKeyHash(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** The 48 bits by which lists look a key up. */
export function idempotencyKeyPrefix(keyHash: Buffer): number {
  return keyHash.readUIntBE(0, 6);
}

export interface HashedClaim {
  readonly organization: number;
  readonly keyHash: Buffer;
  readonly claim: IdempotencyClaim;
  /** The moment at which an expired key counts as free. */
  readonly at: number;
}

/** Who holds which key, and until when. */
export class IdempotencyWrites {
  readonly #selectHolder: Statement;
  readonly #take: Statement;
  readonly #startWindow: Statement;

  constructor({ connection }: WriteScope) {
    this.#selectHolder = connection.prepare(
      `SELECT jobs.public_id, jobs.state, jobs.created_at, jobs.racing,
              idempotency_keys.fingerprint, idempotency_keys.expires_at
       FROM idempotency_keys JOIN jobs ON jobs.id = idempotency_keys.job
       WHERE idempotency_keys.organization = ? AND scope = ? AND key_hash = ?`,
    );
    this.#take = connection.prepare(
      `INSERT INTO idempotency_keys (job, organization, scope, key_hash, fingerprint, window_ms)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (organization, scope, key_hash) DO UPDATE SET job = excluded.job,
         fingerprint = excluded.fingerprint, window_ms = excluded.window_ms, expires_at = NULL
       WHERE idempotency_keys.expires_at <= ?`,
    );
    this.#startWindow = connection.prepare(
      'UPDATE idempotency_keys SET expires_at = ? + window_ms WHERE job = ?',
    );
  }

  /** The verdict that names the job which holds the key; null when the key is free. */
  duplicateOf({ organization, keyHash, claim, at }: HashedClaim): Verdict | null {
    const row = this.#selectHolder.get(organization, claim.scope, keyHash);
    if (row === undefined) return null;
    const expiresAt = optionalInteger(row, 'expires_at');
    if (expiresAt !== null && expiresAt <= at) return null;
    return {
      verdict: 'duplicate',
      jobId: identifier(row, 'public_id'),
      state: word(row, 'state', JOB_STATES),
      createdAt: integer(row, 'created_at'),
      mismatch: text(row, 'fingerprint') !== claim.fingerprint,
      expiresAt,
      racing: flag(row, 'racing'),
    };
  }

  /** Takes the key when it is free or expired; leaves it where it is otherwise. */
  take(job: number, { organization, keyHash, claim, at }: HashedClaim): void {
    const { scope, fingerprint, windowMs } = claim;
    this.#take.run(job, organization, scope, keyHash, fingerprint, windowMs, at);
  }

  startWindow(job: number, endedAt: number): void {
    this.#startWindow.run(endedAt, job);
  }
}
