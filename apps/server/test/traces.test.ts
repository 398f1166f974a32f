import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCollector, type Collector, type SeenSpan } from './otlp-collector.ts';
import { type RunningServer, startServer, textOf, until } from './running-server.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
/** It names a pace, so that calls do not wait for each other. */
const FAST = { 'X-EZThrottle-Rps': '500' };
const traceparent = `00-${TRACE}-${CALLER}-01`;

let upstream: Upstream;
let collector: Collector;
let server: RunningServer;

beforeEach(async () => {
  collector = await openCollector();
  upstream = await createUpstream({ headers: FAST });
  server = await startServer({ 'otlp-endpoint': collector.url });
});
afterEach(async () => {
  await server.close();
  await collector.close();
  await upstream.close();
});

async function submit(job: object, headers: Record<string, string> = { traceparent }) {
  const { status, json } = await server.call('POST', '/api/v1/jobs', job, headers);
  expect(status).toBe(201);
  return textOf(json['job_id']);
}

async function ended(id: string): Promise<void> {
  const isEnded = (state: unknown): boolean => state === 'completed' || state === 'failed';
  await until(
    () => server.call('GET', `/api/v1/jobs/${id}`),
    ({ json }) => isEnded(json['state']),
  );
}

/** Without what differs from run to run. */
function shape(spans: readonly SeenSpan[]): readonly object[] {
  const names = new Map<string, string>([[CALLER, 'caller']]);
  for (const { id, name, attributes } of spans) {
    const cause = attributes['ezthrottle.attempt.cause'];
    names.set(id, typeof cause === 'string' ? `${name} ${cause}` : name);
  }
  return spans.map(({ name, kind, parent, traceId, links, attributes, isError }) => ({
    name,
    kind,
    parent: parent === '' ? null : names.get(parent),
    isInCallersTrace: traceId === TRACE,
    links: links.map(({ spanId, why }) => `${String(why)} of ${names.get(spanId)}`),
    status: attributes['http.response.status_code'],
    isError,
  }));
}

describe('traces', () => {
  test('have the submit under the caller, the first attempt under the submit, later ones and deliveries linked', async () => {
    upstream.route('/orders', [
      { status: 503, headers: FAST },
      { status: 200, headers: FAST },
    ]);
    const id = await submit({
      url: `${upstream.origin}/orders?key=hidden`,
      webhooks: [{ url: `${upstream.origin}/hook/hidden` }],
    });
    await ended(id);
    const spans = await collector.until(4);
    expect(shape(spans)).toEqual([
      {
        name: 'POST /api/v1/jobs',
        kind: 'SERVER',
        parent: 'caller',
        isInCallersTrace: true,
        links: [],
        status: 201,
        isError: false,
      },
      {
        name: 'GET',
        kind: 'CLIENT',
        parent: 'POST /api/v1/jobs',
        isInCallersTrace: true,
        links: [],
        status: 503,
        isError: true,
      },
      {
        name: 'GET',
        kind: 'CLIENT',
        parent: null,
        isInCallersTrace: false,
        links: ['retry of POST /api/v1/jobs'],
        status: 200,
        isError: false,
      },
      {
        name: 'POST',
        kind: 'CLIENT',
        parent: null,
        isInCallersTrace: false,
        links: ['delivery of POST /api/v1/jobs'],
        status: 200,
        isError: false,
      },
    ]);
    const [, first] = spans;
    expect(first?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'url.scheme': 'http',
      'error.type': '503',
      'ezthrottle.job.id': id,
      'ezthrottle.attempt': 1,
    });
    expect(collector.received()).not.toContain('hidden');
    expect(collector.received()).not.toContain(server.apiKey);
  });

  test('link races, fallbacks and spawned jobs to the submit', async () => {
    upstream.route('/raced', { status: 404, headers: FAST });
    const id = await submit({
      url: `${upstream.origin}/raced`,
      regions: ['one', 'two'],
      fallback_job: {
        url: `${upstream.origin}/fallback`,
        trigger: { type: 'on_error', codes: [404] },
      },
      on_success: { url: `${upstream.origin}/next` },
    });
    await ended(id);
    const spans = await collector.until(5);
    const causes = spans.map(({ attributes }) => attributes['ezthrottle.attempt.cause']);
    expect(new Set(causes)).toEqual(new Set([undefined, 'first', 'race', 'fallback', 'spawned']));
    const submitted = spans.find(({ kind }) => kind === 'SERVER')?.id;
    const linked = spans.filter(({ links }) => links.length > 0);
    expect(linked.map(({ links }) => links[0]?.spanId)).toEqual([submitted, submitted, submitted]);
  });

  test('reach the target and the webhook when the job asks for it', async () => {
    const target = `${upstream.origin}/told`;
    const webhooks = [{ url: `${upstream.origin}/hook` }];
    const headers = { traceparent, tracestate: 'vendor=1' };
    const id = await submit({ url: target, webhooks, send_traceparent: true }, headers);
    await ended(id);
    const [, attempt, delivery] = await collector.until(3);
    const told = upstream.requests.map(({ path, headers: got }) => [path, got['traceparent']]);
    expect(told).toEqual([
      ['/told', `00-${TRACE}-${attempt?.id}-01`],
      ['/hook', `00-${delivery?.traceId}-${delivery?.id}-01`],
    ]);
    // It belongs to the submitter's trace: the webhook begins one of its own.
    const states = upstream.requests.map(({ headers: got }) => got['tracestate']);
    expect(states).toEqual(['vendor=1', undefined]);
  });

  test('are not sent to a target that the job did not mean to tell', async () => {
    await ended(await submit({ url: `${upstream.origin}/untold` }));
    expect(upstream.requests[0]?.headers).not.toHaveProperty('traceparent');
  });

  test('go on after a restart', async () => {
    const id = await submit({
      url: `${upstream.origin}/later`,
      retry_at: Date.now() + 1_500,
      send_traceparent: true,
    });
    await server.restart();
    await ended(id);
    const spans = await collector.until(2);
    const [submitted, attempt] = spans;
    expect([attempt?.parent, attempt?.traceId]).toEqual([submitted?.id, TRACE]);
  });

  test('are left out where the caller has decided not to record them, and the target is still told', async () => {
    const unsampled = `00-${TRACE}-${CALLER}-00`;
    const headers = { traceparent: unsampled };
    await ended(await submit({ url: `${upstream.origin}/quiet`, send_traceparent: true }, headers));
    expect(upstream.requests[0]?.headers['traceparent']).toBe(unsampled);
    await server.restart();
    expect(collector.spans()).toEqual([]);
  });
});

test('without tracing a job that asks for it passes the caller’s trace on, and nothing is stored for others', async () => {
  await server.restart(undefined, { 'otlp-endpoint': undefined });
  await ended(await submit({ url: `${upstream.origin}/passed`, send_traceparent: true }));
  await ended(await submit({ url: `${upstream.origin}/plain` }));
  expect(upstream.requests.map(({ headers }) => headers['traceparent'])).toEqual([
    traceparent,
    undefined,
  ]);
});
