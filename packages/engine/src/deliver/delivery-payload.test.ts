import { createHash } from 'node:crypto';
import { CONTINUATION_METADATA_KEY } from '@ezthrottle/core/protocol';
import { describe, expect, it } from 'vitest';
import { toJobSpec } from '../admit/to-job-spec.ts';
import type { JobEnd } from '../job/run.ts';
import type { JobRecord, ResultResponse } from '../ports/records.ts';
import { deliveryPayload } from './delivery-payload.ts';
import { endpointId } from './endpoint-id.ts';
import { newDelivery } from './new-delivery.ts';
import { isQuorumReached } from './quorum.ts';
import { isRacing, resultAttempts, resultView } from './result-view.ts';

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
const url = 'https://api.example.com';
const hook = 'https://app.example.com/hook';

const DONE: JobEnd = {
  state: 'completed',
  at: 1_000,
  path: 0,
  attempt: 2,
  attempts: [],
  triedPaths: [0],
  error: null,
};

function record(end: JobEnd | null): JobRecord {
  return {
    id: 'job-1',
    organization: 'org-1',
    idempotentKey: 'order-1',
    spec: toJobSpec({
      url,
      metadata: { order: 1, [CONTINUATION_METADATA_KEY]: 'v1.k.sealed' },
      tags: ['orders'],
      webhooks: [{ url: hook }, { url: `${hook}/2`, has_quorum_vote: false }],
    }),
    state: end?.state ?? 'processing',
    createdAt: 0,
    startedAt: 0,
    end,
    parent: null,
    quorumReachedAt: null,
    keyWindowMs: 60_000,
  };
}

function answer(attempt: number, status: number, region = 'iad'): ResultResponse {
  return {
    attempt,
    region,
    response: { status, headers: { a: 'b' }, body: 'hi', bodyEncoding: 'utf8', truncated: false },
  };
}

const delivery = { id: 'delivery-1', endpointId: 'ep_1', receivesContinuation: true };

describe('the body of a delivery', () => {
  it('says who, what and how often, and carries the user’s metadata', () => {
    expect(deliveryPayload(record(DONE), delivery, [answer(2, 200)], 3)).toEqual({
      delivery_id: 'delivery-1',
      endpoint_id: 'ep_1',
      attempt: 3,
      job_id: 'job-1',
      idempotent_key: 'order-1',
      status: 'success',
      response: { status_code: 200, headers: { a: 'b' }, body: 'hi' },
      path: 0,
      metadata: { order: 1, [CONTINUATION_METADATA_KEY]: 'v1.k.sealed' },
      tags: ['orders'],
      ended_at: 1_000,
    });
  });

  it('has the continuation only where it is meant to go', () => {
    const other = { ...delivery, receivesContinuation: false };
    expect(deliveryPayload(record(DONE), other, [], 1)?.metadata).toEqual({ order: 1 });
  });

  it('names the parent of a spawned job', () => {
    const child = { ...record(DONE), parent: { id: 'job-0', edge: 'on_success' } };
    expect(deliveryPayload(child, delivery, [], 1)).toMatchObject({ parent_job_id: 'job-0' });
  });

  it('of a failed job has the error and the last response there was', () => {
    const end: JobEnd = { ...DONE, state: 'failed', error: 'status_500', path: 1 };
    expect(deliveryPayload(record(end), delivery, [answer(2, 500)], 1)).toMatchObject({
      status: 'failed',
      error: 'status_500',
      path: 1,
      response: { status_code: 500 },
    });
  });

  it('of a cancelled job says failed, with the error cancelled and no response', () => {
    const end: JobEnd = {
      ...DONE,
      state: 'cancelled',
      error: 'cancelled',
      path: null,
      attempt: null,
    };
    const payload = deliveryPayload(record(end), delivery, [], 1);
    expect(payload).toMatchObject({ status: 'failed', error: 'cancelled' });
    expect(payload).not.toHaveProperty('response');
    expect(payload).not.toHaveProperty('path');
  });

  it('is nothing while the job runs', () => {
    expect(deliveryPayload(record(null), delivery, [], 1)).toBeNull();
    expect(resultView(record(null), [])).toBeNull();
  });
});

describe('a result', () => {
  it('of a fan-out has every answer in the order of its regions, and the one that decided', () => {
    const end: JobEnd = { ...DONE, attempt: 3, attempts: [2, 3] };
    expect(resultAttempts(end)).toEqual([3, 2]);
    const view = resultView({ end }, [answer(3, 200, 'lax'), answer(2, 404, 'iad')]);
    expect(view?.response?.status_code).toBe(200);
    expect(view?.responses).toMatchObject([
      { region: 'iad', status_code: 404 },
      { region: 'lax', status_code: 200 },
    ]);
  });

  it('says when a body is binary or was cut', () => {
    const { response } = answer(2, 200);
    const cut = { ...response, bodyEncoding: 'base64' as const, truncated: true };
    const view = resultView({ end: DONE }, [{ attempt: 2, region: 'iad', response: cut }]);
    expect(view?.response).toMatchObject({ body_encoding: 'base64', truncated: true });
  });
});

describe('a race', () => {
  it.each([
    [{ regions: ['iad', 'lax'] }, true],
    [{ regions: ['iad', 'iad'] }, false],
    [{ regions: ['iad'] }, false],
    [{ regions: ['iad', 'lax'], execution_mode: 'failover' as const }, false],
  ])('is what two regions without another mode run: %j', (more, racing) => {
    expect(isRacing(toJobSpec({ url, ...more }))).toBe(racing);
  });
});

describe('a new delivery', () => {
  const job = { id: 'job-1', organization: 'org-1', spec: record(null).spec };

  it('has an id from its job and place, and the endpoint’s own id', () => {
    const first = newDelivery(job, 0, { sha256, now: 5 });
    expect(first).toEqual(newDelivery(job, 0, { sha256, now: 5 }));
    expect(first).toMatchObject({
      webhook: 0,
      endpointId: endpointId('org-1', hook, { sha256 }),
      url: hook,
      hasQuorumVote: true,
      receivesContinuation: true,
      nextAttemptAt: 5,
    });
    const second = newDelivery(job, 1, { sha256, now: 5, deliveryDelaysMs: [250] });
    expect(second).toMatchObject({
      hasQuorumVote: false,
      receivesContinuation: false,
      nextAttemptAt: 255,
    });
    expect(second?.id).not.toBe(first?.id);
    expect(newDelivery(job, 2, { sha256, now: 5 })).toBeNull();
  });

  it('goes to an endpoint that has another id in another organization', () => {
    const id = endpointId('org-1', hook, { sha256 });
    expect(id).toMatch(/^ep_[\w-]{22}$/);
    expect(endpointId('org-2', hook, { sha256 })).not.toBe(id);
  });
});

describe('a quorum', () => {
  const vote = { state: 'delivered', hasQuorumVote: true, webhook: 0 } as const;
  const other = { ...vote, webhook: 1 };

  it.each([
    ['enough votes', [vote, other], 2, true],
    ['one webhook that took it twice', [vote, { ...vote, webhook: 16 }], 2, false],
    ['one vote missing', [vote, { ...other, state: 'pending' as const }], 2, false],
    ['a dead endpoint', [vote, { ...other, state: 'dead' as const }], 2, false],
    ['an endpoint without a vote', [vote, { ...other, hasQuorumVote: false }], 2, false],
    ['no webhooks', [], 1, false],
  ])('with %s: %j of %i is %s', (_, deliveries, quorum, reached) => {
    expect(isQuorumReached(deliveries, quorum)).toBe(reached);
  });
});

describe('what those who follow need to know', () => {
  it('is not told of a cancelled job: it brings no continuation', () => {
    const cancelled = record({ ...DONE, state: 'cancelled', error: 'cancelled' });
    expect(deliveryPayload(cancelled, delivery, [], 1)?.metadata).toEqual({ order: 1 });
  });

  it('names every path that was tried, when there was more than one', () => {
    const several = record({ ...DONE, state: 'failed', triedPaths: [0, 2] });
    expect(deliveryPayload(several, delivery, [], 1)?.tried_paths).toEqual([0, 2]);
    expect(deliveryPayload(record(DONE), delivery, [], 1)).not.toHaveProperty('tried_paths');
  });
});
