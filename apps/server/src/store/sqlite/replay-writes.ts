import { identifierBytes, requiredIdentifier } from '../rows/identifier.ts';
import type { ReplayOperation, Verdict } from '@ezthrottle/engine';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import { integer } from '../rows/row.ts';
import type { WriteScope } from './write-scope.ts';

type ReplayDelivery = Extract<ReplayOperation, { type: 'replay_delivery' }>;
type AddDelivery = Extract<ReplayOperation, { type: 'add_delivery' }>;

/** Dead deliveries that are sent again, as they are or as new ones. */
export class ReplayWrites {
  readonly #interned: Interned;
  readonly #replay: Statement;
  readonly #known: readonly Statement[];
  readonly #job: Statement;
  readonly #add: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#replay = connection.prepare(
      `UPDATE deliveries SET state = 0, next_attempt_at = ?1, dead_reason = NULL,
         dead_organization = NULL, replayed_at = ?1, replayed_after = attempts
       WHERE public_id = ?2 AND state = 2 AND dead_organization = ?3`,
    );
    this.#known = ['state = 0', 'replayed_at IS NOT NULL'].map((which) =>
      connection.prepare(
        `SELECT jobs.organization FROM deliveries JOIN jobs ON jobs.id = deliveries.id / 4096
         WHERE deliveries.public_id = ? AND deliveries.${which}`,
      ),
    );
    this.#job = connection.prepare(
      'SELECT id FROM jobs WHERE public_id = ? AND organization = ? AND ended_at IS NOT NULL',
    );
    this.#add = connection.prepare(
      `INSERT INTO deliveries (id, public_id, endpoint_id, url, state, has_quorum_vote,
         receives_continuation, next_attempt_at, created_at, replayed_at, replayed_after)
       VALUES (? * 4096 + ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, 0)
       ON CONFLICT DO NOTHING`,
    );
  }

  apply(operation: ReplayOperation): Verdict {
    return operation.type === 'replay_delivery' ? this.#send(operation) : this.#insert(operation);
  }

  #send({ organization, deliveryId, at }: ReplayDelivery): Verdict {
    const id = identifierBytes(deliveryId);
    const owner = this.#interned.findOrganization(organization);
    if (id === null || owner === null) return { verdict: 'gone' };
    if (this.#replay.run(at, id, owner).changes === 1) return { verdict: 'ok' };
    const isKnown = this.#known.some((statement) => {
      const row = statement.get(id);
      return row !== undefined && integer(row, 'organization') === owner;
    });
    return { verdict: isKnown ? 'stale' : 'gone' };
  }

  #insert({ organization, jobId, delivery, at }: AddDelivery): Verdict {
    const owner = this.#interned.findOrganization(organization);
    const id = identifierBytes(jobId);
    const job = owner === null || id === null ? undefined : this.#job.get(id, owner);
    if (job === undefined) return { verdict: 'gone' };
    const { changes } = this.#add.run(
      integer(job, 'id'),
      delivery.webhook,
      requiredIdentifier(delivery.id, 'delivery.id'),
      delivery.endpointId,
      delivery.url,
      delivery.hasQuorumVote ? 1 : 0,
      delivery.receivesContinuation ? 1 : 0,
      delivery.nextAttemptAt,
      at,
      at,
    );
    return { verdict: changes === 0 ? 'stale' : 'ok' };
  }
}
