import type { SettleDeliveryOperation, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import { identifierBytes } from './identifier.ts';
import { flag, integer, text } from './row.ts';
import type { WriteScope } from './write-scope.ts';

/** Settles attempts of deliveries and counts votes. */
export class DeliveryWrites {
  readonly #select: Statement;
  readonly #insertAttempt: Statement;
  readonly #update: Statement;
  readonly #countVote: Statement;

  constructor({ connection }: WriteScope) {
    this.#select = connection.prepare(
      'SELECT id, job, state, attempts, has_quorum_vote FROM deliveries WHERE public_id = ?',
    );
    this.#insertAttempt = connection.prepare(
      `INSERT INTO delivery_attempts (delivery, attempt, status_code, error, started_at, ended_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    this.#update = connection.prepare(
      `UPDATE deliveries
       SET state = ?, attempts = ?, status_code = ?, error = ?, next_attempt_at = ?
       WHERE id = ? AND state = 'pending'`,
    );
    // The right-hand sides see the votes as they were before this one.
    this.#countVote = connection.prepare(
      `UPDATE jobs SET quorum_votes = quorum_votes + 1,
         quorum_reached_at = CASE
           WHEN quorum_reached_at IS NULL AND quorum_votes + 1 >= quorum_needed THEN ?
           ELSE quorum_reached_at
         END
       WHERE id = ?`,
    );
  }

  settle(operation: SettleDeliveryOperation): Verdict {
    const id = identifierBytes(operation.deliveryId);
    const row = id === null ? undefined : this.#select.get(id);
    if (row === undefined || text(row, 'state') !== 'pending') return { verdict: 'gone' };
    if (integer(row, 'attempts') + 1 !== operation.attempt) return { verdict: 'stale' };

    const delivery = integer(row, 'id');
    const { attempt, statusCode, error, startedAt, endedAt, next } = operation;
    this.#insertAttempt.run(delivery, attempt, statusCode, error, startedAt, endedAt);
    const nextAttemptAt = next.state === 'pending' ? next.nextAttemptAt : null;
    this.#update.run(next.state, attempt, statusCode, error, nextAttemptAt, delivery);
    if (next.state === 'delivered' && flag(row, 'has_quorum_vote')) {
      this.#countVote.run(endedAt, integer(row, 'job'));
    }
    return { verdict: 'ok' };
  }
}
