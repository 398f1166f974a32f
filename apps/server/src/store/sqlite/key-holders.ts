import { hash } from 'node:crypto';
import type { HeldKey, IdempotencyClaim } from '@ezthrottle/engine';
import { JOB_STATE_CODES } from './codes.ts';
import type { Connection, Statement } from './connection.ts';
import { coded, flag, identifier, integer, optionalInteger } from './row.ts';
import { restoredFingerprint, scopeColumn } from './stored-claim.ts';

/** A key as it is stored and compared: 16 bytes, however long it is. */
export function idempotencyKeyHash(key: string): Uint8Array {
  return hash('sha256', key, 'buffer').subarray(0, 16);
}

/** Looks up who holds an idempotency key. */
export class KeyHolders {
  readonly #select: Statement;

  constructor(connection: Connection) {
    this.#select = connection.prepare(
      `SELECT jobs.public_id, jobs.state, jobs.created_at, jobs.racing, jobs.fingerprint,
              jobs.window_ms, jobs.ended_at + jobs.window_ms AS expires_at,
              (SELECT attempts FROM runs WHERE runs.job = jobs.id) AS attempts
       FROM idempotency_keys JOIN jobs ON jobs.id = idempotency_keys.job
       WHERE idempotency_keys.organization = ? AND key_hash = ? AND idempotency_keys.scope = ?
         AND retired = 0`,
    );
  }

  /** Null when nobody holds it, or its window is over at this moment. */
  find(
    organization: number,
    keyHash: Uint8Array,
    claim: IdempotencyClaim,
    at: number,
  ): HeldKey | null {
    const row = this.#select.get(organization, keyHash, scopeColumn(claim.scope) ?? '');
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
      windowMs: integer(row, 'window_ms'),
      attempts: optionalInteger(row, 'attempts') ?? 0,
      racing: flag(row, 'racing'),
    };
  }
}
