import type { DeliveryReads, DeliveryRecord, DueDelivery } from '@ezthrottle/engine';
import { boundedLimit } from './bounded-limit.ts';
import type { Connection, Statement } from './connection.ts';
import { identifierBytes } from './identifier.ts';
import { deliveryRecord } from './records.ts';
import { optionalInteger } from './row.ts';

export const DUE_DELIVERIES = `SELECT deliveries.*, jobs.public_id AS job_id,
    organizations.public_id AS organization_id
  FROM deliveries INDEXED BY deliveries_due
  CROSS JOIN jobs ON jobs.id = deliveries.job
  CROSS JOIN organizations ON organizations.id = jobs.organization
  WHERE deliveries.state = 'pending' AND deliveries.next_attempt_at <= ?
    AND (deliveries.next_attempt_at, deliveries.id) >
      (?, ifnull((SELECT id FROM deliveries WHERE public_id = ?), 0))
  ORDER BY deliveries.next_attempt_at, deliveries.id LIMIT ?`;

export const NEXT_DELIVERY = `SELECT min(next_attempt_at) AS at
  FROM deliveries INDEXED BY deliveries_due WHERE state = 'pending' AND next_attempt_at > ?`;

export class SqliteDeliveryReads implements DeliveryReads {
  readonly #due: Statement;
  readonly #nextDue: Statement;

  constructor(connection: Connection) {
    this.#due = connection.prepare(DUE_DELIVERIES);
    this.#nextDue = connection.prepare(NEXT_DELIVERY);
  }

  async due(
    now: number,
    limit: number,
    after: DueDelivery | null = null,
  ): Promise<readonly DeliveryRecord[]> {
    const afterAt = after?.nextAttemptAt ?? -1;
    const afterId = after === null ? null : identifierBytes(after.id);
    return this.#due.all(now, afterAt, afterId, boundedLimit(limit)).map(deliveryRecord);
  }

  async nextDueAt(after = -1): Promise<number | null> {
    const row = this.#nextDue.get(after);
    return row === undefined ? null : optionalInteger(row, 'at');
  }
}
