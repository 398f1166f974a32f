import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer } from './running-server.ts';

let server: RunningServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server.close();
});

const FIELDS = [
  'url',
  'method',
  'headers',
  'body',
  'body_encoding',
  'timeout_ms',
  'metadata',
  'tags',
  'webhooks',
  'webhook_quorum',
  'regions',
  'region_policy',
  'execution_mode',
  'retry_policy',
  'fallback_job',
  'on_success',
  'on_failure',
  'on_failure_timeout_ms',
  'idempotent_key',
  'strict_idempotency',
  'send_idempotency_key',
  'retry_at',
  'user_id',
  'priority',
  'repeat',
  'trigger',
  'fallbackJob',
  'onSuccess',
  'retryPolicy',
  'hasQuorumVote',
  'constructor',
  'toString',
] as const;

/** Values that mean something somewhere, so that checks are passed as well as failed. */
const telling = fc.constantFrom<unknown>(
  'http://127.0.0.1:9/',
  'https://user:pw@host.example/',
  'GET',
  'race',
  'fanout',
  'failover',
  'strict',
  'base64',
  'utf8',
  'aGk=',
  '\ud800',
  '\u0000',
  '',
  0,
  -1,
  1,
  3,
  1e300,
  2 ** 53,
  true,
  null,
  [],
  {},
  ['iad', 'lax'],
  [429],
  [{ url: 'http://127.0.0.1:9/' }],
  { type: 'on_error', codes: [500] },
  { type: 'on_timeout', timeout_ms: 5 },
  { a: '\ud800' },
  { 'x-a': 'b\r\nc: d' },
  { max_retries: 0 },
);

const { job } = fc.letrec((tie) => ({
  job: fc
    .dictionary(
      fc.constantFrom<string>(...FIELDS),
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        telling,
        fc.jsonValue({ maxDepth: 2 }),
        tie('job'),
      ),
      { maxKeys: 8 },
    )
    .map((fields) => ({ url: 'http://127.0.0.1:9/', retry_at: 8_640_000_000_000_000, ...fields })),
}));

test('no body, however strange, is answered with a failure of the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(job, fc.jsonValue()), async (body) => {
      const reply = await server.call('POST', '/api/v1/jobs', JSON.stringify(body), {
        'content-type': 'application/json',
      });
      expect([200, 201, 400, 422]).toContain(reply.status);
      if (reply.status === 400) {
        expect(['validation_failed', 'invalid_json']).toContain(reply.json['error']);
      }
    }),
    { numRuns: 400 },
  );
});

test('no text, however broken, is answered with a failure of the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
      const headers = { 'content-type': 'application/json' };
      const submitted = await server.call('POST', '/api/v1/jobs', text, headers);
      expect(submitted.status).toBe(400);
      const secrets = await server.call('POST', '/api/v1/webhook-secrets', text, headers);
      expect(secrets.status).toBe(400);
    }),
    { numRuns: 100 },
  );
});

test('no address and no query is answered with a failure of the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.webPath(), fc.webQueryParameters(), async (path, query) => {
      const shown = await server.call('GET', `/api/v1/jobs/${path.slice(1)}?${query}`);
      expect([200, 400, 404]).toContain(shown.status);
      const listed = await server.call('GET', `/api/v1/jobs?${query}`);
      expect([200, 400]).toContain(listed.status);
    }),
    { numRuns: 100 },
  );
});
