import {
  checkUrl,
  type DeadDeliveryDetail,
  type DeadDeliveryPage,
  type DeadDeliveryView,
  type ReplayDeliveryRequest,
} from '@ezthrottle/core/protocol';
import { REPLAY_DELIVERY_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import {
  type DeadDelivery,
  type DeadLetterReads,
  deliveryView,
  type DeliveryRecord,
  deriveId,
  type Id,
  isWantedDelivery,
} from '@ezthrottle/engine';
import type { AuditLog } from '../../audit/audit-log.ts';
import type { DeliveryReplayed, DeliveryReplays } from '../../dead-letters/delivery-replays.ts';
import { sha256 } from '../../dispatch/sha256.ts';
import { actingWithReason } from '../acting.ts';
import { ApiError } from '../api-error.ts';
import { parseId } from '../job-id.ts';
import type { Call, Route } from '../route.ts';
import { deadLetterPage } from './dead-letter-page.ts';
import { readDeadLetterList } from './dead-letter-query.ts';
import { bodyReader } from './job-edit.ts';

export interface DeadDeliveryRoutesOptions {
  readonly deadLetters: DeadLetterReads;
  readonly deliveryReplays: DeliveryReplays;
  readonly audit: AuditLog;
}

const PATH = '/dead-letters/deliveries';
const ONE = `${PATH}/:id`;

const readReplay = bodyReader<ReplayDeliveryRequest>(REPLAY_DELIVERY_SCHEMA, ({ url, as_new }) => {
  if (url === undefined) return [];
  if (as_new === true) return checkUrl(url, 'url');
  const message = 'says where a new delivery goes';
  return [{ path: 'as_new', message, expected: 'true, since there is a url' }];
});

/** Deliveries that died: found, looked at, and sent again. */
export function deadDeliveryRoutes(options: DeadDeliveryRoutesOptions): readonly Route[] {
  const { deadLetters } = options;
  return [
    {
      method: 'GET',
      path: PATH,
      access: 'read',
      async handle(call, { organization }) {
        const { found, next_cursor } = await deadLetterPage(
          {
            read: (query) => deadLetters.deliveries(query),
            isWanted: isWantedDelivery,
            placeOf: ({ id, diedAt }) => ({ at: diedAt, id }),
          },
          organization,
          readDeadLetterList(call.query, 'deliveries'),
        );
        const body: DeadDeliveryPage = {
          deliveries: found.map(rowOf),
          next_cursor,
        };
        return { status: 200, body };
      },
    },
    {
      method: 'GET',
      path: ONE,
      access: 'read',
      async handle(call, { organization }) {
        const id = deliveryIdOf(call);
        const delivery = await deadLetters.delivery(organization, id);
        if (delivery === null) throw deliveryNotFound();
        return { status: 200, body: await detailOf(delivery, deadLetters) };
      },
    },
    {
      method: 'POST',
      path: `${ONE}/replay`,
      access: 'manage',
      async handle(call, caller) {
        const { organization } = caller;
        const id = deliveryIdOf(call);
        const { reason, as_new: asNew = false, url = null } = readReplay(call.body);
        const acting = actingWithReason(call, caller, reason);
        const key = call.header('Idempotency-Key');
        const act = {
          action: 'delivery.replay',
          target: id,
          after: { as_new: asNew, ...(url !== null && { url }) },
        } as const;
        // A wish that comes again, because its answer was lost, finds its own entry: nothing is done twice.
        const entryId = key === null ? undefined : deriveId(id, `replay ${key}`, { sha256 });
        const by = options.audit.committing(acting, act, entryId);
        const { deliveryReplays } = options;
        const replayed = asNew
          ? await deliveryReplays.sendAsNew(organization, id, { once: key ?? '', url }, by)
          : await deliveryReplays.replay(organization, id, by);
        const delivery = deliveryOf(replayed);
        const detail = await detailOf(delivery, deadLetters);
        if (replayed.verdict === 'sent') return { status: 202, body: detail };
        const isOther = url !== null && url !== delivery.url;
        const body: DeadDeliveryDetail = {
          ...detail,
          duplicate: true,
          ...(isOther && { mismatch: true }),
        };
        return { status: 200, body };
      },
    },
  ];
}

function rowOf(dead: DeadDelivery): DeadDeliveryView {
  return {
    ...deliveryView(dead),
    job_id: dead.jobId,
    endpoint_id: dead.endpointId,
    died_at: dead.diedAt,
    user_id: dead.userId === '' ? null : dead.userId,
    tags: dead.tags,
  };
}

async function detailOf(
  delivery: DeliveryRecord,
  reads: Pick<DeadLetterReads, 'deliveryAttempts'>,
): Promise<DeadDeliveryDetail> {
  const history = await reads.deliveryAttempts(delivery.organization, delivery.id);
  const { replayed } = delivery;
  return {
    ...deliveryView(delivery),
    job_id: delivery.jobId,
    endpoint_id: delivery.endpointId,
    history: history.map((attempt) => ({
      attempt: attempt.attempt,
      status_code: attempt.statusCode,
      error: attempt.error,
      started_at: attempt.startedAt,
      ended_at: attempt.endedAt,
    })),
    replayed:
      replayed === undefined ? null : { at: replayed.at, after_attempts: replayed.afterAttempts },
  };
}

/** @throws ApiError when nothing was sent, now or before. */
function deliveryOf(replayed: DeliveryReplayed): DeliveryRecord {
  switch (replayed.verdict) {
    case 'sent':
    case 'already':
      return replayed.delivery;
    case 'unknown':
      throw deliveryNotFound();
    case 'full':
      throw new ApiError('conflict', 'the delivery was sent as a new one too often');
    case 'endpoint_disabled':
      throw new ApiError('conflict', 'its endpoint is disabled: enable that first', {
        details: { endpoint_id: replayed.endpointId },
      });
  }
}

function deliveryIdOf({ params }: Call): Id {
  const id = parseId(params['id'] ?? '');
  if (id === null) throw deliveryNotFound();
  return id;
}

function deliveryNotFound(): ApiError {
  return new ApiError('not_found', 'there is no delivery of this id that is dead or was replayed');
}
