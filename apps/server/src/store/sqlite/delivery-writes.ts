import type { SettleDeliveryOperation, Verdict } from '@ezthrottle/engine';
import { DELIVERY_STATE_CODES } from './codes.ts';
import type { Statement } from './connection.ts';
import type { EndpointWrites } from './endpoint-writes.ts';
import { identifierBytes } from './identifier.ts';
import { integer } from './row.ts';
import type { WriteScope } from './write-scope.ts';

/** Settles attempts of deliveries. A vote is a row that was delivered: it needs no count. */
export class DeliveryWrites {
  readonly #select: Statement;
  readonly #keepFormer: Statement;
  readonly #update: Statement;

  readonly #endpoints: EndpointWrites;

  constructor({ connection }: WriteScope, endpoints: EndpointWrites) {
    this.#endpoints = endpoints;
    this.#select = connection.prepare(
      'SELECT id, attempts FROM deliveries WHERE public_id = ? AND state = 0',
    );
    this.#keepFormer = connection.prepare(
      `INSERT INTO delivery_attempts (delivery, attempt, status_code, error, started_at, ended_at)
       SELECT id, attempts, status_code, error, started_at, ended_at FROM deliveries WHERE id = ?`,
    );
    this.#update = connection.prepare(
      `UPDATE deliveries
       SET state = ?, attempts = ?, status_code = ?, error = ?, started_at = ?, ended_at = ?,
         next_attempt_at = ?
       WHERE id = ? AND state = 0`,
    );
  }

  settle(operation: SettleDeliveryOperation): Verdict {
    const id = identifierBytes(operation.deliveryId);
    const row = id === null ? undefined : this.#select.get(id);
    if (row === undefined) return { verdict: 'gone' };
    if (integer(row, 'attempts') + 1 !== operation.attempt) return { verdict: 'stale' };

    const delivery = integer(row, 'id');
    const { attempt, statusCode, error, startedAt, endedAt, next } = operation;
    if (attempt > 1) this.#keepFormer.run(delivery);
    const state = DELIVERY_STATE_CODES.codeOf(next.state);
    const nextAttemptAt = next.state === 'pending' ? next.nextAttemptAt : null;
    this.#update.run(
      state,
      attempt,
      statusCode,
      error,
      startedAt,
      endedAt,
      nextAttemptAt,
      delivery,
    );
    if (next.state === 'dead') this.#endpoints.died(delivery, next, endedAt);
    return { verdict: 'ok' };
  }
}
