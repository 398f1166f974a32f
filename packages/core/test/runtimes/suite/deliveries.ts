import { signWebhook } from '@ezthrottle/core/webhooks';

export const SECRET = 'a secret of this suite';

/** A delivery as a server sends it. */
export function deliveryOf(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    delivery_id: `delivery-${crypto.randomUUID()}`,
    endpoint_id: 'endpoint-1',
    attempt: 1,
    job_id: 'job-1',
    idempotent_key: 'key-1',
    status: 'success',
    response: { status_code: 200, headers: {}, body: '{}', region: 'local' },
    metadata: {},
    ended_at: 1,
    ...change,
  });
}

/** The same, signed now, as a request. */
export function requestOf(body: string, headers: Readonly<Record<string, string>> = {}): Request {
  const timestampSeconds = Math.floor(Date.now() / 1_000);
  return new Request('https://app.example/hook', {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-ezthrottle-signature': signWebhook({ body, secret: SECRET, timestampSeconds }),
      ...headers,
    },
  });
}
