import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toJobSpec } from '../admit/to-job-spec.ts';
import type { JobRecord } from '../ports/records.ts';
import { deadJobReason, destinationOf } from './dead-letter.ts';
import { redriveClaim, redrivenSpec } from './redriven-job.ts';

const spec = toJobSpec({
  url: 'https://api.test/old',
  method: 'POST',
  headers: { Authorization: 'Bearer old', 'X-Kept': 'yes' },
  body: 'old',
  webhooks: [{ url: 'https://hooks.test/1' }, { url: 'https://hooks.test/2' }],
  webhook_quorum: 2,
  retry_at: 5,
  execute_before: 99,
  on_conflict: 'replace',
  strict_idempotency: true,
  fallback_job: { url: 'https://other.test' },
  tags: ['a'],
  user_id: 'ada',
});
const dead: JobRecord = {
  id: '019a0000-0000-7000-8000-000000000001',
  organization: '019a0000-0000-7000-8000-000000000002',
  idempotentKey: 'order-42',
  spec,
  state: 'failed',
  createdAt: 0,
  startedAt: null,
  end: null,
  parent: null,
  quorumReachedAt: null,
  keyWindowMs: 60_000,
};

describe('a new try of a dead job', () => {
  it('is the same job, but for what belonged to the first try alone', () => {
    const { notBefore, onConflict, strictIdempotency, ...same } = spec;
    expect([notBefore, onConflict, strictIdempotency]).toEqual([5, 'replace', true]);
    expect(redrivenSpec(dead, {}, null)).toEqual({
      ...same,
      notBefore: null,
      strictIdempotency: false,
      redriveOf: dead.id,
    });
  });

  it('names the redrive that sends it, and the job before it, not the one before that', () => {
    const again = { ...dead, spec: { ...spec, redriveOf: 'earlier', redrive: 'earlier' } };
    expect(redrivenSpec(again, {}, 'this')).toMatchObject({ redriveOf: dead.id, redrive: 'this' });
    expect(redrivenSpec(again, {}, null)).not.toHaveProperty('redrive');
  });

  it('has what was edited otherwise, headers by name, and nothing else', () => {
    const edit = {
      url: 'https://new.test/x',
      headers: { authorization: 'Bearer new', 'x-kept': '', 'X-More': '1' },
      webhooks: [{ url: 'https://hooks.test/3' }],
      execute_before: 0,
    };
    const edited = redrivenSpec(dead, edit, null);
    expect(edited.paths[0]).toEqual({
      ...spec.paths[0],
      url: 'https://new.test/x',
      origin: 'https://new.test',
      headers: { authorization: 'Bearer new', 'X-More': '1' },
    });
    expect(edited.paths[1]).toEqual(spec.paths[1]);
    expect(edited.webhooks.map(({ url }) => url)).toEqual(['https://hooks.test/3']);
    // More votes than webhooks could never come.
    expect(edited.webhookQuorum).toBe(1);
    expect(edited).not.toHaveProperty('executeBefore');
  });

  it('has the key of the dead one, taken once among its own new tries', () => {
    const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
    const claim = (again: string | null, edit = {}) =>
      redriveClaim(dead, redrivenSpec(dead, edit, null), { sha256, again, windowMs: 9 });
    expect(claim(null)).toMatchObject({
      key: 'order-42',
      scope: `redrive ${dead.id}`,
      windowMs: 9,
    });
    expect(claim('wish').scope).not.toBe(claim(null).scope);
    expect(claim(null, { body: 'new' })).toMatchObject({ scope: claim(null).scope });
    expect(claim(null, { body: 'new' }).fingerprint).not.toBe(claim(null).fingerprint);
  });
});

describe('why a job is dead', () => {
  it.each([
    ['status_500', 'target_refused'],
    ['timeout: no answer', 'target_unreachable'],
    ['network_error: ECONNREFUSED', 'target_unreachable'],
    ['refused: a private address', 'not_allowed'],
    ['deadline_exceeded', 'gave_up'],
    ['execution_deadline_exceeded', 'gave_up'],
    ['region_unavailable', 'engine_failure'],
    ['outcome_unknown', 'engine_failure'],
    [null, 'engine_failure'],
  ] as const)('%s: %s', (error, reason) => {
    expect(deadJobReason(error)).toBe(reason);
  });

  it('tells a destination by its origin, and what is no address by itself', () => {
    expect(destinationOf('https://API.test:443/a?b')).toBe('https://api.test');
    expect(destinationOf('nonsense')).toBe('nonsense');
  });
});
