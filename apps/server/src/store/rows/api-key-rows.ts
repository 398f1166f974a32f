import { API_KEY_SCOPES, type ApiKeyScope } from '@ezthrottle/core/protocol';
import type { ApiKeyRecord } from '@ezthrottle/engine';
import { identifier, integer, optionalInteger, optionalText, text, word, type Row } from './row.ts';

/** Scopes as one number: 1 submit, 2 read, 4 manage. */
export function scopeBits(scopes: readonly ApiKeyScope[]): number {
  return API_KEY_SCOPES.reduce(
    (sum, scope, bit) => sum + (scopes.includes(scope) ? 1 << bit : 0),
    0,
  );
}

/** With `organization_id`, the public one. */
export function restoredApiKey(row: Row): ApiKeyRecord {
  const bits = integer(row, 'scopes');
  const previousHash = optionalText(row, 'previous_hash');
  return {
    id: identifier(row, 'public_id'),
    organization: identifier(row, 'organization_id'),
    name: text(row, 'name'),
    hash: text(row, 'hash'),
    dialect: word(row, 'dialect', ['ezthrottle', 'spooled']),
    createdAt: integer(row, 'created_at'),
    expiresAt: optionalInteger(row, 'expires_at'),
    scopes: API_KEY_SCOPES.filter((_scope, bit) => (bits & (1 << bit)) !== 0),
    hint: optionalText(row, 'hint'),
    previous:
      previousHash === null
        ? null
        : { hash: previousHash, expiresAt: integer(row, 'previous_expires_at') },
    lastUsedAt: optionalInteger(row, 'last_used_at'),
    revokedAt: optionalInteger(row, 'revoked_at'),
  };
}
