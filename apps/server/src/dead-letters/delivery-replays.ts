import { LIMITS } from '@ezthrottle/core/protocol';
import {
  type Clock,
  type DeadLetterReads,
  type DeliveryRecord,
  deriveId,
  endpointId,
  type Id,
  type JobReads,
  type NewDelivery,
  type Operation,
} from '@ezthrottle/engine';
import type { Deliverer } from '../deliver/deliverer.ts';
import type { Endpoints } from '../deliver/endpoints.ts';
import { sha256 } from '../dispatch/sha256.ts';
import type { Commit } from '../tenancy/committing.ts';

export type DeliveryReplayed =
  /** It is pending again, or was already; or a new one is. */
  | {
      readonly verdict: 'sent' | 'already';
      readonly delivery: DeliveryRecord;
    }
  | { readonly verdict: 'unknown' }
  | { readonly verdict: 'endpoint_disabled'; readonly endpointId: string }
  /** As often as a delivery may be sent as a new one. */
  | { readonly verdict: 'full' };

/** Sends dead deliveries again. */
export interface DeliveryReplays {
  /**
   * The same delivery, under its own id: receivers that are through with it say so and do nothing.
   *
   * @param by Writes it.
   */
  replay(organization: Id, id: Id, by: Commit): Promise<DeliveryReplayed>;
  /**
   * A new delivery of the same result, under an id that receivers do not know.
   *
   * @param once Tells one wish from another: the same wish twice makes one delivery.
   * @param url Where it goes; null: where the dead one went.
   */
  sendAsNew(
    organization: Id,
    id: Id,
    how: { readonly once: string; readonly url: string | null },
    by: Commit,
  ): Promise<DeliveryReplayed>;
}

/** Deliveries of a job are numbered up to here. */
const NUMBERS = 4_096;
const TRIES = 3;

export function createDeliveryReplays(options: {
  readonly deadLetters: Pick<DeadLetterReads, 'delivery'>;
  readonly jobs: Pick<JobReads, 'deliveries'>;
  readonly endpoints: Pick<Endpoints, 'isDisabled'>;
  readonly deliverer: Pick<Deliverer, 'wake'>;
  readonly clock: Pick<Clock, 'now'>;
}): DeliveryReplays {
  const { deadLetters, jobs, endpoints, deliverer, clock } = options;

  async function known(organization: Id, id: Id): Promise<DeliveryReplayed> {
    const delivery = await deadLetters.delivery(organization, id);
    return delivery === null ? { verdict: 'unknown' } : { verdict: 'already', delivery };
  }

  async function sent(organization: Id, id: Id, by: Commit, write: Operation) {
    const { verdict } = await by(write);
    deliverer.wake();
    const now = await known(organization, id);
    return verdict === 'ok' && now.verdict === 'already'
      ? { ...now, verdict: 'sent' as const }
      : now;
  }

  return {
    async replay(organization, id, by) {
      const delivery = await deadLetters.delivery(organization, id);
      if (delivery === null) return { verdict: 'unknown' };
      if (delivery.state !== 'dead') return { verdict: 'already', delivery };
      const { endpointId: endpoint } = delivery;
      if (endpoints.isDisabled(organization, endpoint)) {
        return { verdict: 'endpoint_disabled', endpointId: endpoint };
      }
      const at = clock.now();
      const replay = { type: 'replay_delivery', organization, deliveryId: id, at } as const;
      return await sent(organization, id, by, replay);
    },
    async sendAsNew(organization, id, { once, url }, by) {
      const copyId = deriveId(id, `as_new ${once}`, { sha256 });
      for (let tries = 0; tries < TRIES; tries += 1) {
        const delivery = await deadLetters.delivery(organization, id);
        if (delivery === null) return { verdict: 'unknown' };
        const siblings = await jobs.deliveries(delivery.jobId);
        const copy = siblings.find((sibling) => sibling.id === copyId);
        if (copy !== undefined) return { verdict: 'already', delivery: copy };
        if (delivery.state !== 'dead') return { verdict: 'already', delivery };
        const at = clock.now();
        const planned = planCopy(delivery, siblings, { id: copyId, url, at });
        if (planned === null) return { verdict: 'full' };
        if (endpoints.isDisabled(organization, planned.endpointId)) {
          return { verdict: 'endpoint_disabled', endpointId: planned.endpointId };
        }
        const { jobId } = delivery;
        const add = { type: 'add_delivery', organization, jobId, delivery: planned, at } as const;
        const done = await sent(organization, copyId, by, add);
        // Another one has taken its number meanwhile.
        if (done.verdict !== 'unknown') return done;
      }
      throw new Error('a delivery could not be sent as a new one: others were faster each time');
    },
  };
}

/** Null: there is no number left. */
function planCopy(
  dead: DeliveryRecord,
  siblings: readonly DeliveryRecord[],
  { id, url, at }: { readonly id: Id; readonly url: string | null; readonly at: number },
): NewDelivery | null {
  const taken = new Set(siblings.map(({ webhook }) => webhook));
  let webhook = (dead.webhook % LIMITS.webhooks) + LIMITS.webhooks;
  while (taken.has(webhook)) webhook += LIMITS.webhooks;
  if (webhook >= NUMBERS) return null;
  const isMoved = url !== null && url !== dead.url;
  return {
    id,
    webhook,
    endpointId: isMoved ? endpointId(dead.organization, url, { sha256 }) : dead.endpointId,
    url: isMoved ? url : dead.url,
    hasQuorumVote: dead.hasQuorumVote,
    receivesContinuation: dead.receivesContinuation,
    nextAttemptAt: at,
  };
}
