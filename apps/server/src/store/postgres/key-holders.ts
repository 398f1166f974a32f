import type { HeldKey, Id, IdempotencyClaim } from '@ezthrottle/engine';
import { heldKey } from '../rows/records.ts';
import { identifier, integer, optionalInteger, type Row } from '../rows/row.ts';
import { Columns, unnested } from './columns.ts';
import type { Queryable } from './database.ts';
import type { StoredKey } from './job-rows.ts';

const HOLDER_SHAPE = {
  number: 'int4',
  organization: 'int4',
  key_hash: 'uuid',
  scope: 'bytea',
} as const;

export const KEY_HOLDERS: string = `SELECT wanted.number, jobs.id AS job, jobs.public_id,
    coalesce(runs.state, ended.state) AS state, jobs.created_at, jobs.racing, jobs.fingerprint,
    coalesce(runs.window_ms, ended.expires_at - ended.ended_at) AS window_ms, ended.expires_at,
    runs.attempts
  FROM ${unnested('wanted', HOLDER_SHAPE)}
  CROSS JOIN LATERAL (
    SELECT job FROM {idempotency_keys} WHERE organization = wanted.organization
      AND key_hash = wanted.key_hash AND scope = wanted.scope AND retired = 0 LIMIT 1
  ) AS keys
  CROSS JOIN LATERAL (SELECT * FROM {jobs} WHERE id = keys.job LIMIT 1) AS jobs
  LEFT JOIN LATERAL (SELECT * FROM {runs} WHERE job = keys.job LIMIT 1) AS runs ON true
  LEFT JOIN LATERAL (SELECT * FROM {ended} WHERE job = keys.job LIMIT 1) AS ended ON true`;

/** Who asks for a key. */
export interface KeyRequest {
  readonly key: StoredKey;
  readonly claim: IdempotencyClaim;
  /** The moment at which an expired key counts as free. */
  readonly at: number;
}

/** Who has it. */
export interface KeyHolder {
  readonly job: number;
  readonly jobId: Id;
  /** Null: its window is over. */
  readonly held: HeldKey | null;
}

/** Who holds these keys; null where nobody does. */
export async function keyHolders(
  queryable: Queryable,
  requests: readonly KeyRequest[],
): Promise<readonly (KeyHolder | null)[]> {
  const columns = new Columns(HOLDER_SHAPE);
  for (const [number, { key }] of requests.entries()) columns.add({ number, ...key });
  const rows = await queryable.query(KEY_HOLDERS, columns.values());
  const found = new Map<number, Row>();
  for (const row of rows) found.set(integer(row, 'number'), row);
  return requests.map(({ claim, at }, number) => {
    const row = found.get(number);
    if (row === undefined) return null;
    const expiresAt = optionalInteger(row, 'expires_at');
    const isOver = expiresAt !== null && expiresAt <= at;
    return {
      job: integer(row, 'job'),
      jobId: identifier(row, 'public_id'),
      held: isOver ? null : heldKey(row, claim),
    };
  });
}
