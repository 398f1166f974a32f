import type { SettleDeliveryOperation, Verdict } from '@ezthrottle/engine';
import { DELIVERY_STATE_CODES } from '../rows/codes.ts';
import type { Statement } from './connection.ts';
import type { EndpointWrites } from './endpoint-writes.ts';
import { identifierBytes } from '../rows/identifier.ts';
import { integer } from '../rows/row.ts';
import type { WriteScope } from './write-scope.ts';

/** Settles attempts of deliveries. A vote is a row that was delivered: it needs no count. */
export class DeliveryWrites {
  readonly #select: Statement;
  readonly #keepFormer: Statement;
  readonly #update: Statement;
  readonly #settleFirst: Statement;
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
    this.#settleFirst = connection.prepare(
      `UPDATE deliveries INDEXED BY deliveries_pending
       SET state = ?, attempts = 1, status_code = ?, error = ?, started_at = ?, ended_at = ?,
         next_attempt_at = ?
       WHERE public_id = ? AND state = 0 AND attempts = 0`,
    );
  }

  settle(operation: SettleDeliveryOperation): Verdict {
    const id = identifierBytes(operation.deliveryId);
    if (id === null) return { verdict: 'gone' };
    const { attempt, statusCode, error, startedAt, endedAt, next } = operation;
    const state = DELIVERY_STATE_CODES.codeOf(next.state);
    const nextAttemptAt = next.state === 'pending' ? next.nextAttemptAt : null;
    const outcome = [statusCode, error, startedAt, endedAt, nextAttemptAt] as const;
    // Nearly every delivery is settled by its first attempt: then nothing is looked up before.
    const isUsual = attempt === 1 && next.state !== 'dead';
    if (isUsual && this.#settleFirst.run(state, ...outcome, id).changes === 1) {
      return { verdict: 'ok' };
    }
    const row = this.#select.get(id);
    if (row === undefined) return { verdict: 'gone' };
    if (integer(row, 'attempts') + 1 !== attempt) return { verdict: 'stale' };
    const delivery = integer(row, 'id');
    if (attempt > 1) this.#keepFormer.run(delivery);
    this.#update.run(state, attempt, ...outcome, delivery);
    if (next.state === 'dead') this.#endpoints.died(delivery, next, endedAt);
    return { verdict: 'ok' };
  }
}
