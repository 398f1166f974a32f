import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { JobRequest } from '@ezthrottle/core/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveId } from './derive-id.ts';
import { childIdempotencyClaim, idempotencyClaim } from './idempotency.ts';
import { rank } from './rank.ts';
import { toJobSpec } from './to-job-spec.ts';

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

const ORGANIZATION = '0197b0a0-0000-7000-8000-000000000001';
const url = 'https://api.example.com/charge';

interface Vectors {
  readonly keys: readonly {
    readonly organization: string;
    readonly job: JobRequest;
    readonly key: string;
  }[];
  readonly ids: readonly { readonly parent: string; readonly edge: string; readonly id: string }[];
}

const file = new URL('../../../../spec/vectors/normalise/identity.json', import.meta.url);
const vectors: Vectors = JSON.parse(readFileSync(file, 'utf8'));

function claimOf(job: JobRequest, organization = ORGANIZATION) {
  return idempotencyClaim(toJobSpec(job), organization, { sha256 });
}

describe('the key of a job that names none', () => {
  it.each(vectors.keys)('is the same on every server: $key', ({ organization, job, key }) => {
    expect(claimOf(job, organization).key).toBe(key);
  });

  it('is the same where the platform writes the digest itself, however long the body is', () => {
    const sha256Text = (bytes: Uint8Array): string =>
      createHash('sha256').update(bytes).digest('base64url');
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 3_000 }), (text, times) => {
        const spec = toJobSpec({ url, body: `${'\u{1f40e}'.repeat(times)}${text}` });
        expect(idempotencyClaim(spec, ORGANIZATION, { sha256, sha256Text })).toEqual(
          idempotencyClaim(spec, ORGANIZATION, { sha256 }),
        );
      }),
    );
  });

  it('is safe in a URL and lasts 24 hours beyond the job’s end', () => {
    const claim = claimOf({ url });
    expect(claim.key).toMatch(/^h1_[\w-]{43}$/);
    expect(claim).toMatchObject({ scope: 'organization', windowMs: 86_400_000 });
  });

  it('counts method, URL, body and organization, and nothing else', () => {
    const base: JobRequest = { url, method: 'POST', body: 'a' };
    const { key } = claimOf(base);
    expect(claimOf({ ...base, headers: { a: 'b' }, priority: 5, regions: ['iad'] }).key).toBe(key);
    expect(claimOf({ ...base, method: 'post' }).key).toBe(key);
    expect(claimOf({ ...base, body: 'YQ==', body_encoding: 'base64' }).key).toBe(key);
    const others = [
      claimOf({ ...base, method: 'PUT' }),
      claimOf({ ...base, url: `${url}/` }),
      claimOf({ ...base, body: 'b' }),
      claimOf(base, ORGANIZATION.replace('1', '2')),
    ];
    expect(new Set([key, ...others.map((claim) => claim.key)]).size).toBe(5);
  });

  it('differs wherever the parts differ, although they run together the same', () => {
    const part = fc.string({ maxLength: 4 });
    fc.assert(
      fc.property(part, part, part, part, (body, other, organization, another) => {
        const first = claimOf({ url, body }, organization).key;
        const second = claimOf({ url, body: other }, another).key;
        expect(first === second).toBe(body === other && organization === another);
      }),
    );
  });
});

describe('the key of a job that names one', () => {
  it('is that, with a fingerprint that tells another payload', () => {
    const first = claimOf({ url, idempotent_key: 'order-1', body: 'a' });
    const second = claimOf({ url, idempotent_key: 'order-1', body: 'b' });
    expect(first.key).toBe('order-1');
    expect(second.key).toBe('order-1');
    expect(first.fingerprint).not.toBe(second.fingerprint);
  });
});

describe('what hangs on a job', () => {
  const parent = { id: ORGANIZATION, edge: 'fallback[0].on_success' };

  it('has a key from its parent, unless it names its own', () => {
    const claim = (job: JobRequest) =>
      childIdempotencyClaim(toJobSpec(job), ORGANIZATION, parent, { sha256 });
    expect(claim({ url }).key).toBe(`${ORGANIZATION}/fallback[0].on_success`);
    expect(claim({ url, idempotent_key: 'mine' }).key).toBe('mine');
  });

  it.each(vectors.ids)(
    'has the id $id for ($parent, $edge)',
    ({ parent: id, edge, id: expected }) => {
      expect(deriveId(id, edge, { sha256 })).toBe(expected);
    },
  );

  it('has an id that is a UUID of version 8, one for each edge', () => {
    const ids = ['on_success', 'on_failure', 'delivery[0]', 'delivery[1]'].map((edge) =>
      deriveId(ORGANIZATION, edge, { sha256 }),
    );
    for (const id of ids) {
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    }
    expect(new Set(ids).size).toBe(4);
  });
});

describe('rank', () => {
  it('lets ten points of priority overtake what came up to 100 seconds earlier, and no more', () => {
    const now = 1_000_000_000;
    expect(rank(10, now)).toBeLessThan(rank(0, now - 99_999));
    expect(rank(10, now)).toBeGreaterThan(rank(0, now - 100_001));
    expect(rank(0, now)).toBe(now);
  });
});
