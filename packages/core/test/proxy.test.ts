import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as core from '@ezthrottle/core';
import { EZThrottle } from '@ezthrottle/core';
import { listen, type Loopback, type Reply } from './loopback.ts';

const BASE = 'https://ezthrottle.example';

let proxy: Loopback;
let client: EZThrottle;

beforeEach(async () => {
  proxy = await listen(() => allowed(200, '{}'));
  const options = { apiKey: 'ck_live_key', tracktagsUrl: `${proxy.url}/`, baseUrl: BASE } as const;
  client = new EZThrottle({ ...options, retry: false });
});

afterEach(() => proxy[Symbol.asyncDispose]());

const breach = { is_breached: false, current_usage: 0, limit_value: 0, limit_operator: 'gte' };

/** An answer that the proxy has let through: the body is JSON inside of JSON. */
function allowed(status: number, body: string): Reply {
  const inner = { status_code: status, headers: { 'content-type': 'application/json' }, body };
  const outer = { status: 'allowed', breach_status: breach, forwarded_response: inner };
  return { status: 200, body: outer };
}

function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  );
}

describe('through the proxy', () => {
  it('every call is an envelope, just as other SDKs send it', async () => {
    const secret = 'long enough a secret';
    proxy.answer = ({ text }) =>
      text.includes('secret')
        ? allowed(200, '{"status":"ok","primary_secret":"long****cret"}')
        : allowed(201, '{"job_id":"j","status":"racing","idempotent_key":"k"}');
    expect(
      await client.submitJob({ url: 'https://api.example/', regions: ['iad', 'lax'] }),
    ).toEqual({ job_id: 'j', status: 'racing', idempotent_key: 'k' });
    await client.createWebhookSecret(secret);
    await client.getWebhookSecret();
    await client.deleteWebhookSecret();
    for (const { method, path, headers } of proxy.seen) {
      expect([method, path]).toEqual(['POST', '/api/v1/proxy']);
      expect(headers).toMatchObject({
        authorization: 'Bearer ck_live_key',
        'content-type': 'application/json',
      });
    }
    const common = { scope: 'customer', metric_name: '' };
    const json = { 'Content-Type': 'application/json' };
    const secrets = { ...common, target_url: `${BASE}/api/v1/webhook-secrets` };
    expect(proxy.seen.map(({ text }): unknown => JSON.parse(text))).toEqual([
      {
        ...common,
        target_url: `${BASE}/api/v1/jobs`,
        method: 'POST',
        headers: json,
        body: '{"url":"https://api.example/","method":"GET","regions":["iad","lax"]}',
      },
      { ...secrets, method: 'POST', headers: json, body: `{"primary_secret":"${secret}"}` },
      { ...secrets, method: 'GET', headers: {}, body: '' },
      { ...secrets, method: 'DELETE', headers: {}, body: '' },
    ]);
  });

  const denied = { status: 'denied', error: 'Plan limit exceeded', breach_status: breach };
  it.each<readonly [string, Reply, (error: unknown) => boolean, object]>([
    [
      'over a limit of the plan',
      { status: 429, body: { ...denied, retry_after: 3_600 } },
      core.isRateLimitError,
      { retryAt: 1_000_000 + 3_600_000, message: 'Plan limit exceeded (HTTP 429)' },
    ],
    [
      'a banned address',
      { status: 429, body: { error: 'Banned', message: 'wait', retry_after_seconds: 300 } },
      core.isRateLimitError,
      { retryAt: 1_000_000 + 300_000 },
    ],
    [
      'a wrong key',
      { status: 401, body: { error: 'Unauthorized' } },
      core.isAuthenticationError,
      {},
    ],
    ['a key of a business', { status: 403, body: {} }, core.isPermissionError, { status: 403 }],
    ['a malformed request', { status: 400, body: {} }, core.isValidationError, { problems: [] }],
    ['too long a body', { status: 413, body: {} }, core.isPayloadTooLargeError, {}],
    ['a target out of reach', { status: 502, body: {} }, core.isServerError, { retryable: true }],
    [
      'a denial with 200',
      { status: 200, body: denied },
      core.isEZThrottleError,
      { code: 'denied' },
    ],
    ['no JSON', { status: 200, body: '<html>' }, core.isEZThrottleError, { code: 'denied' }],
    [
      'an inner refusal',
      allowed(400, '{"error":"validation_failed","message":"url is missing"}'),
      core.isValidationError,
      { code: 'validation_failed', message: 'url is missing (HTTP 400)' },
    ],
    ['an inner failure', allowed(503, 'overloaded'), core.isServerError, { status: 503 }],
    [
      'an inner success that is no JSON',
      allowed(201, '{"job_id":'),
      core.isEZThrottleError,
      { code: 'unexpected_answer', status: 201 },
    ],
    [
      'an inner answer without a status',
      { status: 200, body: { status: 'allowed', forwarded_response: { body: '{}' } } },
      core.isServerError,
      { status: 502 },
    ],
    [
      'no inner answer',
      { status: 200, body: { status: 'allowed' } },
      core.isEZThrottleError,
      { code: 'denied' },
    ],
  ])('%s is a typed error', async (_, reply, isKind, members) => {
    proxy.answer = () => reply;
    const now = (): number => 1_000_000;
    const options = { apiKey: 'k', tracktagsUrl: proxy.url, baseUrl: BASE, runtime: { now } };
    const error = await errorOf(
      new EZThrottle({ ...options, retry: false }).submitJob({ url: 'https://api.example/' }),
    );
    expect(isKind(error)).toBe(true);
    expect(error).toMatchObject(members);
  });
});
