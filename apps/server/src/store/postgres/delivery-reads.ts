import type {
  DeliveryReads,
  DeliveryRecord,
  DueDelivery,
  EndpointRecord,
  Id,
} from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { deliveryRecord, endpointRecord } from '../rows/records.ts';
import { integer, optionalInteger } from '../rows/row.ts';
import type { Queryable } from './database.ts';
import { isIdentifier } from './interned.ts';
import { slotList } from './slot-list.ts';

// Each slot has its own stretch of the index: the first of each are found without a look at the others. What is
// pending, and only that, has a next attempt.
export const DUE_DELIVERIES = `SELECT deliveries.*, jobs.public_id AS job_id,
    organizations.public_id AS organization_id
  FROM (
    SELECT due.* FROM unnest($1::int2[]) AS owned (slot) CROSS JOIN LATERAL (
      SELECT job, webhook, next_attempt_at FROM {deliveries}
      WHERE slot = owned.slot AND next_attempt_at <= $2
        AND (next_attempt_at, job, webhook) > ($3, $4, $5)
      ORDER BY next_attempt_at, job, webhook LIMIT $6
    ) AS due
    ORDER BY next_attempt_at, job, webhook LIMIT $6
  ) AS due
  CROSS JOIN LATERAL (
    SELECT * FROM {deliveries} WHERE job = due.job AND webhook = due.webhook LIMIT 1
  ) AS deliveries
  CROSS JOIN LATERAL (SELECT public_id FROM {jobs} WHERE id = due.job LIMIT 1) AS jobs
  CROSS JOIN LATERAL (
    SELECT public_id FROM {organizations} WHERE id = deliveries.organization LIMIT 1
  ) AS organizations
  ORDER BY due.next_attempt_at, due.job, due.webhook`;

export const NEXT_DELIVERY = `SELECT min(next.next_attempt_at) AS at
  FROM unnest($1::int2[]) AS owned (slot) CROSS JOIN LATERAL (
    SELECT next_attempt_at FROM {deliveries}
    WHERE slot = owned.slot AND next_attempt_at > $2
    ORDER BY next_attempt_at, job, webhook LIMIT 1
  ) AS next`;

const ENDPOINTS = `SELECT webhook_endpoints.*, organizations.public_id AS organization_id
  FROM {webhook_endpoints} JOIN {organizations} ON organizations.id = webhook_endpoints.organization`;

export class PostgresDeliveryReads implements DeliveryReads {
  readonly #database: Queryable;

  constructor(database: Queryable) {
    this.#database = database;
  }

  async due(
    now: number,
    limit: number,
    after: DueDelivery | null = null,
    slots?: readonly number[],
  ): Promise<readonly DeliveryRecord[]> {
    const place = await this.#placeOf(after);
    const values = [slotList(slots), now, ...place, boundedLimit(limit)];
    return (await this.#database.query(DUE_DELIVERIES, values)).map(deliveryRecord);
  }

  async nextDueAt(
    after: number = Number.MIN_SAFE_INTEGER,
    slots?: readonly number[],
  ): Promise<number | null> {
    const [row] = await this.#database.query(NEXT_DELIVERY, [slotList(slots), after]);
    return row === undefined ? null : optionalInteger(row, 'at');
  }

  async endpoints(
    organization: Id,
    limit: number,
    endpointId: string | null = null,
  ): Promise<readonly EndpointRecord[]> {
    if (!isIdentifier(organization)) return [];
    const rows = await this.#database.query(
      `${ENDPOINTS} WHERE organizations.public_id = $1 AND endpoint_id = coalesce($2, endpoint_id)
       ORDER BY disabled_at IS NULL, disabled_at DESC, endpoint_id LIMIT $3`,
      [organization, endpointId, boundedLimit(limit)],
    );
    return rows.map(endpointRecord);
  }

  async disabledEndpoints(limit: number): Promise<readonly EndpointRecord[]> {
    const rows = await this.#database.query(`${ENDPOINTS} WHERE disabled_at IS NOT NULL LIMIT $1`, [
      boundedLimit(limit),
    ]);
    return rows.map(endpointRecord);
  }

  /** Before all of its moment when it has ended meanwhile: rather twice than never. */
  async #placeOf(after: DueDelivery | null): Promise<readonly [number, number, number]> {
    if (after === null) return [Number.MIN_SAFE_INTEGER, 0, 0];
    const [row] = isIdentifier(after.id)
      ? await this.#database.query(
          'SELECT job, webhook FROM {deliveries} WHERE public_id = $1 AND state = 0',
          [after.id],
        )
      : [];
    if (row === undefined) return [after.nextAttemptAt, 0, -1];
    return [after.nextAttemptAt, integer(row, 'job'), integer(row, 'webhook')];
  }
}
