import type {
  EndDeliveryOperation,
  Id,
  PutEndpointOperation,
  SettleDeliveryOperation,
  Verdict,
} from '@ezthrottle/engine';
import { DEAD_REASON_CODES, DISABLED_BY_CODES } from '../rows/codes.ts';
import type { Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import type { WriteScope } from './write-scope.ts';

type DeadEnd = Extract<SettleDeliveryOperation['next'], { readonly state: 'dead' }>;

/** Endpoints that are disabled and enabled again, and deliveries that end without an attempt. */
export class EndpointWrites {
  readonly #interned: Interned;
  readonly #disable: Statement;
  readonly #put: Statement;
  readonly #end: Statement;
  readonly #bury: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#disable = connection.prepare(
      `INSERT INTO webhook_endpoints (organization, endpoint_id, url, disabled_by, disabled_at)
       SELECT jobs.organization, endpoint_id, url, 0, ?2
       FROM deliveries JOIN jobs ON jobs.id = deliveries.id / 4096 WHERE deliveries.id = ?1
       ON CONFLICT (organization, endpoint_id) DO UPDATE
       SET disabled_by = excluded.disabled_by, disabled_at = excluded.disabled_at
       WHERE disabled_by IS NULL`,
    );
    this.#put = connection.prepare(
      `UPDATE webhook_endpoints SET disabled_by = ?, disabled_at = ?
       WHERE organization = ? AND endpoint_id = ?`,
    );
    this.#end = connection.prepare(
      `UPDATE deliveries SET state = 2, next_attempt_at = NULL, dead_reason = ?, dead_organization =
         (SELECT organization FROM jobs WHERE jobs.id = deliveries.id / 4096)
       WHERE public_id = ? AND state = 0`,
    );
    this.#bury = connection.prepare(
      `UPDATE deliveries SET dead_reason = ?, dead_organization =
         (SELECT organization FROM jobs WHERE jobs.id = deliveries.id / 4096) WHERE id = ?`,
    );
  }

  /** What follows from a delivery's end beside the row's own state. */
  died(delivery: number, { reason }: DeadEnd, at: number): void {
    this.#bury.run(reason === undefined ? null : DEAD_REASON_CODES.codeOf(reason), delivery);
    if (reason === 'gone') this.#disable.run(delivery, at);
  }

  end({ deliveryId, reason }: EndDeliveryOperation): Verdict {
    const id = identifierBytes(deliveryId);
    const changes = id === null ? 0 : this.#end.run(DEAD_REASON_CODES.codeOf(reason), id).changes;
    return { verdict: changes === 0 ? 'gone' : 'ok' };
  }

  put({ organization, endpointId, disabled }: PutEndpointOperation): Verdict {
    const owner = this.#find(organization);
    if (owner === null) return { verdict: 'gone' };
    const by = disabled === null ? null : DISABLED_BY_CODES.codeOf(disabled.by);
    const { changes } = this.#put.run(by, disabled?.at ?? null, owner, endpointId);
    return { verdict: changes === 0 ? 'gone' : 'ok' };
  }

  #find(organization: Id): number | null {
    return this.#interned.findOrganization(organization);
  }
}
