import { describe, expect, it } from 'vitest';
import { childIdempotencyClaim, idempotencyClaim } from './idempotency.ts';
import { keyExpiresAt, type KeyHolder, keyVerdict } from './key-conflict.ts';
import { toJobSpec } from './to-job-spec.ts';

const NOW = 1_000_000;
const HOUR = 3_600_000;
const url = 'https://api.example.com';

const pending: KeyHolder = {
  id: 'first',
  state: 'pending',
  attempts: 0,
  endedAt: null,
  fingerprint: 'same',
  windowMs: HOUR,
};
const armed: KeyHolder = { ...pending, state: 'processing', attempts: 1 };
const ended: KeyHolder = { ...armed, state: 'completed', endedAt: NOW - 1 };

function ask(
  onConflict: 'return' | 'reject' | 'replace',
  holder: KeyHolder | null,
  print = 'same',
) {
  return keyVerdict({ strictIdempotency: false, onConflict }, print, holder, NOW);
}

describe('a key that is taken', () => {
  it('is free when nobody holds it, or when the window of its job is over', () => {
    expect(ask('reject', null)).toEqual({ verdict: 'take' });
    expect(ask('reject', { ...ended, endedAt: NOW - HOUR })).toEqual({ verdict: 'take' });
    expect(ask('return', { ...ended, endedAt: NOW - HOUR + 1 }).verdict).toBe('return');
  });

  it('gives the first job back, and says whether its payload was another', () => {
    expect(ask('return', armed)).toEqual({ verdict: 'return', jobId: 'first', mismatch: false });
    expect(ask('return', armed, 'other')).toMatchObject({ verdict: 'return', mismatch: true });
    expect(keyVerdict({ strictIdempotency: false }, 'same', armed, NOW).verdict).toBe('return');
  });

  it('is refused with 409 where the submitter asks for it', () => {
    for (const holder of [pending, armed, ended]) {
      expect(ask('reject', holder)).toMatchObject({ status: 409, code: 'idempotency_conflict' });
    }
  });

  it('is taken over only from a job of which nothing was armed', () => {
    expect(ask('replace', pending, 'other')).toEqual({ verdict: 'replace', jobId: 'first' });
    expect(ask('replace', { ...pending, state: 'scheduled' }).verdict).toBe('replace');
    for (const holder of [armed, ended, { ...pending, attempts: 1 }]) {
      expect(ask('replace', holder)).toMatchObject({ status: 409, code: 'replace_too_late' });
    }
  });

  it.each(['return', 'reject', 'replace'] as const)(
    'is a mismatch first of all to a strict submitter who asks for %s',
    (onConflict) => {
      const verdict = keyVerdict({ strictIdempotency: true, onConflict }, 'other', pending, NOW);
      expect(verdict).toMatchObject({ status: 422, code: 'idempotency_mismatch' });
    },
  );
});

describe('the end of a key', () => {
  it('is the window after the end of its job, and until then the latest that this can be', () => {
    const spec = toJobSpec({ url });
    const job = { spec, createdAt: NOW, endedAt: null, windowMs: HOUR };
    expect(keyExpiresAt({ ...job, endedAt: NOW + 5 })).toBe(NOW + 5 + HOUR);
    expect(keyExpiresAt(job)).toBe(NOW + 24 * HOUR + HOUR);
    const short = toJobSpec({ url, on_failure_timeout_ms: 60_000 });
    expect(keyExpiresAt({ ...job, spec: short })).toBe(NOW + 60_000 + HOUR);
    const later = toJobSpec({ url, retry_at: NOW + HOUR });
    expect(keyExpiresAt({ ...job, spec: later })).toBe(NOW + 26 * HOUR);
  });
});

describe('a job that chooses', () => {
  const sha256 = (): Uint8Array => new Uint8Array(32);

  it('its window and its scope has them in its claim', () => {
    const spec = toJobSpec({
      url,
      user_id: 'u',
      idempotency_scope: 'account',
      idempotency_window_ms: 5,
    });
    const claim = idempotencyClaim(spec, 'org', { sha256, apiKey: 'k', windowMs: HOUR });
    expect(claim).toMatchObject({ scope: 'account ["k","u"]', windowMs: 5 });
    const parent = { id: 'p', edge: 'on_success' };
    const child = childIdempotencyClaim(spec, 'org', parent, { sha256, apiKey: 'k' });
    expect(child.scope).toBe('account ["k","u"]');
  });

  it('nothing has the scope of the surface it came by', () => {
    const spec = toJobSpec({ url });
    expect(idempotencyClaim(spec, 'org', { sha256, scope: 'user u' }).scope).toBe('user u');
    expect(idempotencyClaim(spec, 'org', { sha256 }).scope).toBe('organization');
  });
});
