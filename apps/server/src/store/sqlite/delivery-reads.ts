import type {
  DeliveryReads,
  DeliveryRecord,
  DueDelivery,
  EndpointRecord,
  Id,
} from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import type { Connection, SqlValue, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import { deliveryRecord, endpointRecord } from '../rows/records.ts';
import { integer, optionalInteger } from '../rows/row.ts';

export const DUE_DELIVERIES = `SELECT deliveries.*, deliveries.id % 4096 AS webhook, jobs.public_id AS job_id,
    organizations.public_id AS organization_id
  FROM deliveries INDEXED BY deliveries_due
  CROSS JOIN jobs ON jobs.id = deliveries.id / 4096
  CROSS JOIN organizations ON organizations.id = jobs.organization
  WHERE deliveries.state = 0 AND deliveries.next_attempt_at <= ?
    AND (deliveries.next_attempt_at, deliveries.id) > (?, ?)
  ORDER BY deliveries.next_attempt_at, deliveries.id LIMIT ?`;

export const NEXT_DELIVERY = `SELECT min(next_attempt_at) AS at
  FROM deliveries INDEXED BY deliveries_due WHERE state = 0 AND next_attempt_at > ?`;

export class SqliteDeliveryReads implements DeliveryReads {
  readonly #deliveryRow: Statement;
  readonly #due: Statement;
  readonly #nextDue: Statement;
  readonly #endpoints: Statement;
  readonly #disabled: Statement;

  constructor(connection: Connection) {
    this.#deliveryRow = connection.prepare(
      'SELECT id FROM deliveries WHERE public_id = ? AND state = 0',
    );
    this.#due = connection.prepare(DUE_DELIVERIES);
    this.#nextDue = connection.prepare(NEXT_DELIVERY);
    const select = `SELECT webhook_endpoints.*, organizations.public_id AS organization_id
      FROM webhook_endpoints
      JOIN organizations ON organizations.id = webhook_endpoints.organization`;
    this.#endpoints = connection.prepare(
      `${select} WHERE organizations.public_id = ?1 AND endpoint_id = coalesce(?2, endpoint_id)
       ORDER BY disabled_at IS NULL, disabled_at DESC, endpoint_id LIMIT ?3`,
    );
    this.#disabled = connection.prepare(`${select} WHERE disabled_at IS NOT NULL LIMIT ?`);
  }

  async due(
    now: number,
    limit: number,
    after: DueDelivery | null = null,
  ): Promise<readonly DeliveryRecord[]> {
    const [at, row] = this.#placeOf(after);
    return this.#due.all(now, at, row, boundedLimit(limit)).map(deliveryRecord);
  }

  async nextDueAt(after: number = Number.MIN_SAFE_INTEGER): Promise<number | null> {
    const row = this.#nextDue.get(after);
    return row === undefined ? null : optionalInteger(row, 'at');
  }

  async endpoints(
    organization: Id,
    limit: number,
    endpointId: string | null = null,
  ): Promise<readonly EndpointRecord[]> {
    const id = identifierBytes(organization);
    if (id === null) return [];
    return this.#endpoints.all(id, endpointId, boundedLimit(limit)).map(endpointRecord);
  }

  async disabledEndpoints(limit: number): Promise<readonly EndpointRecord[]> {
    return this.#disabled.all(limit).map(endpointRecord);
  }

  /** Before all of its moment when it has ended meanwhile: rather twice than never. */
  #placeOf(after: DueDelivery | null): readonly [SqlValue, SqlValue] {
    if (after === null) return [Number.MIN_SAFE_INTEGER, 0];
    const id = identifierBytes(after.id);
    const row = id === null ? undefined : this.#deliveryRow.get(id);
    return [after.nextAttemptAt, row === undefined ? 0 : integer(row, 'id')];
  }
}
