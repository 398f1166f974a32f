import type { HeldKey, IdempotencyClaim } from '@ezthrottle/engine';
import { heldKey } from '../rows/records.ts';
import type { Connection, Statement } from './connection.ts';
import { optionalInteger } from '../rows/row.ts';
import { scopeColumn } from '../rows/stored-claim.ts';

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
    return heldKey(row, claim);
  }
}
