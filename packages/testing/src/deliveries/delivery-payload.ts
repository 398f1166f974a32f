import type { DeliveryPayload } from '@ezthrottle/core/protocol';

let deliveries = 0;

/**
 * A result as the server would send it: a success, unless something else is said. Each has its own ids,
 * so that no receiver takes one for a repetition of another.
 */
export function deliveryPayload(fields: Partial<DeliveryPayload> = {}): DeliveryPayload {
  deliveries += 1;
  const number = String(deliveries).padStart(12, '0');
  const status = fields.status ?? 'success';
  const answer = { headers: { 'content-type': 'application/json' }, body: '{}' };
  return {
    delivery_id: `00000000-0000-8000-8000-${number}`,
    endpoint_id: 'ep_test',
    attempt: 1,
    job_id: `00000000-0000-7000-8000-${number}`,
    idempotent_key: `test-${deliveries}`,
    status,
    response: { status_code: status === 'success' ? 200 : 500, ...answer },
    ...(status === 'success' ? {} : { error: 'status_500' }),
    metadata: {},
    ended_at: Date.now(),
    ...fields,
  };
}
