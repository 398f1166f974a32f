import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDelivery, type Delivery } from './decode-delivery.ts';

function decode(payload: unknown): Delivery {
  const decoded = decodeDelivery(payload);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.problems));
  return decoded.delivery;
}

describe('a delivery of our own server', () => {
  const payload = {
    delivery_id: 'dlv_1',
    endpoint_id: 'ep_1',
    attempt: 2,
    job_id: 'job_1',
    idempotent_key: 'order-42',
    status: 'success',
    response: {
      status_code: 200,
      headers: { 'content-type': 'application/octet-stream' },
      body: 'AAE=',
      body_encoding: 'base64',
      truncated: true,
    },
    path: 1,
    metadata: { user: { plan: 'pro' } },
    tags: ['billing'],
    parent_job_id: 'job_0',
    ended_at: 1_763_674_210_000,
  };

  it('is read with every field', () => {
    expect(decode(payload)).toEqual({
      deliveryId: 'dlv_1',
      endpointId: 'ep_1',
      attempt: 2,
      jobId: 'job_1',
      idempotentKey: 'order-42',
      status: 'success',
      response: {
        statusCode: 200,
        headers: { 'content-type': 'application/octet-stream' },
        body: 'AAE=',
        bodyEncoding: 'base64',
        truncated: true,
      },
      path: 1,
      metadata: { user: { plan: 'pro' } },
      tags: ['billing'],
      parentJobId: 'job_0',
      endedAt: 1_763_674_210_000,
      raw: payload,
    });
  });

  it('gives one response per region of a fan-out', () => {
    const { responses } = decode({
      job_id: 'j',
      status: 'success',
      responses: [
        { status_code: 200, headers: {}, body: 'a', region: 'iad' },
        { status_code: 503, headers: {}, body: 'b', region: 'fra' },
      ],
    });
    expect(responses?.map(({ region, statusCode }) => [region, statusCode])).toEqual([
      ['iad', 200],
      ['fra', 503],
    ]);
  });

  it('keeps fields it does not know in raw', () => {
    expect(decode({ job_id: 'j', status: 'failed', later: [1] }).raw['later']).toEqual([1]);
  });

  it('leaves metadata named like parts of objects alone', () => {
    const payload: unknown = JSON.parse(
      '{"job_id":"j","status":"failed","metadata":{"__proto__":{"x":1},"constructor":2}}',
    );
    const { metadata } = decode(payload);
    expect(Object.keys(metadata)).toEqual(['__proto__', 'constructor']);
  });
});

describe('a webhook of other servers', () => {
  it.each([
    ['the cloud', { job_id: 'j', idempotent_key: 'k', status: 'success', metadata: null }],
    ['a self-hosted one', { job_id: 'j', idempotent_key: 'k', status: 'completed' }],
  ])('of %s needs no more than job and status', (_from, payload) => {
    expect(decode(payload)).toEqual({
      deliveryId: null,
      endpointId: null,
      attempt: null,
      jobId: 'j',
      idempotentKey: 'k',
      status: 'success',
      metadata: {},
      tags: [],
      raw: payload,
    });
  });

  it('has its answer beside the job when it is self-hosted', () => {
    const delivery = decode({
      job_id: 'j',
      status: 'completed',
      response_status: 201,
      headers: { 'set-cookie': ['a=1', 'b=2'] },
      body: 'made',
    });
    expect(delivery.status).toBe('success');
    expect(delivery.response).toEqual({
      statusCode: 201,
      headers: { 'set-cookie': 'a=1, b=2' },
      body: 'made',
      bodyEncoding: 'utf8',
      truncated: false,
    });
  });

  it('that is completed with an error of the target counts as failed', () => {
    const { status, error, response } = decode({
      job_id: 'j',
      status: 'completed',
      response_status: 500,
      body: 'oops',
    });
    expect({ status, error, code: response?.statusCode }).toEqual({
      status: 'failed',
      error: 'the target answered 500',
      code: 500,
    });
  });

  it('gives its reason as the error, and no response when there was none', () => {
    const delivery = decode({
      job_id: 'j',
      status: 'failed',
      reason: 'connection refused',
      response_status: 0,
      body: '',
    });
    expect(delivery.error).toBe('connection refused');
    expect(delivery.response).toBeUndefined();
  });
});

describe('what is not a delivery', () => {
  it.each([[null], [1], ['text'], [[]], [undefined]])('%j is refused as a whole', (payload) => {
    expect(decodeDelivery(payload)).toMatchObject({
      ok: false,
      problems: [{ path: '', expected: 'a JSON object' }],
    });
  });

  it('is told all that is wrong with it at once, each with its place', () => {
    const decoded = decodeDelivery({
      job_id: '',
      status: 'done',
      attempt: 0,
      delivery_id: 5,
      response: { status_code: '200', headers: { a: 1 }, body: {} },
      responses: [{ body: 'x' }, null],
      metadata: 'none',
      tags: ['ok', 7],
      ended_at: 1.5,
    });
    expect(decoded.ok ? [] : decoded.problems.map(({ path }) => path).sort()).toEqual([
      'attempt',
      'delivery_id',
      'ended_at',
      'job_id',
      'metadata',
      'response.body',
      'response.headers.a',
      'response.status_code',
      'responses[0].status_code',
      'responses[1].status_code',
      'status',
      'tags[1]',
    ]);
  });

  it('names the words that a status may have', () => {
    const decoded = decodeDelivery({ job_id: 'j', status: 'queued' });
    expect(decoded).toEqual({
      ok: false,
      problems: [
        {
          path: 'status',
          message: 'is "queued"',
          expected: '"success" or "failed" or "completed"',
        },
      ],
    });
  });

  it('never makes the decoder fail, whatever JSON it is', () => {
    const names = ['job_id', 'status', 'response', 'responses', 'headers', 'tags', 'metadata'];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), (payload) => {
        const decoded = decodeDelivery(payload);
        expect(decoded.ok || decoded.problems.length > 0).toBe(true);
      }),
    );
  });
});
