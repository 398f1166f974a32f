import { describe, expect, it } from 'vitest';
import { toJobSpec } from '../admit/to-job-spec.ts';
import type { JobRequest } from '@ezthrottle/core/protocol';
import type { PathSpec } from '../job/job-spec.ts';
import { lineOf, legOf, queuedWork } from '../apply/queued-work.ts';
import { JobScript, status } from './job-script.test-support.ts';
import { pathOfLeg } from './redirect.ts';

const URL_OF_JOB = 'https://api.example.com/call';

/** The call that a job makes after this answer; null: none. */
function hop(request: Partial<JobRequest>, code: number, location?: string): PathSpec | null {
  const job = new JobScript({ follow_redirects: 5, ...request });
  job.answer(0, status(code, location === undefined ? {} : { location }));
  if (job.run.end !== null) return null;
  return pathOfLeg(job.spec, legOf(job.run, 0)) ?? null;
}

describe('a redirect', () => {
  it('is an answer like any other, unless the job follows it', () => {
    expect(hop({ follow_redirects: 0 }, 302, '/moved')).toBeNull();
    const job = new JobScript({});
    job.answer(0, status(302, { location: '/moved' }));
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'status_302', attempt: 1 });
  });

  it.each([
    [301, 'POST', 'GET', false],
    [302, 'POST', 'GET', false],
    [303, 'POST', 'GET', false],
    [303, 'DELETE', 'GET', false],
    [303, 'HEAD', 'HEAD', false],
    [301, 'PUT', 'PUT', true],
    [302, 'DELETE', 'DELETE', true],
    [307, 'POST', 'POST', true],
    [308, 'PATCH', 'PATCH', true],
  ])('%i turns %s into %s; with its body: %s', (code, method, next, hasBody) => {
    const headers = { 'Content-Type': 'application/json', 'X-Own': 'kept' };
    const call = hop({ method, body: '{}', headers }, code, '/moved?a=b');
    expect(call).toMatchObject({ url: 'https://api.example.com/moved?a=b', method: next });
    expect(call?.body).toEqual(hasBody ? { encoding: 'utf8', data: '{}' } : null);
    expect(call?.headers).toEqual(hasBody ? headers : { 'X-Own': 'kept' });
  });

  it.each([
    ['no address', undefined],
    ['no URL', 'http://'],
    ['another scheme', 'ftp://api.example.com/'],
    ['a user', 'https://user@api.example.com/'],
    ['what was taken out of the answer', '/[secret KEY]/x'],
    ['what is not to be kept of it', '[redacted]'],
    ['a reference to a secret', '/x?{{secret.KEY}}'],
    ['two addresses', '/a, /b'],
    ['the same address twice', '/a, /a'],
    ['too much', `/${'x'.repeat(10_000)}`],
  ])('to %s is not followed', (_, location) => {
    expect(hop({}, 302, location)).toBeNull();
  });

  it.each([
    ['UTF-8 as one character for each byte', '/caf\u00c3\u00a9', '/caf%C3%A9'],
    ['Latin-1', '/caf\u00e9', '/caf%C3%A9'],
    ['letters as they are', '/\u4e16', '/%E4%B8%96'],
    ['percent-encoded', '/caf%C3%A9,x', '/caf%C3%A9,x'],
  ])('goes to an address in %s', (_, location, path) => {
    expect(hop({}, 302, location)?.url).toBe(`https://api.example.com${path}`);
  });

  it.each([304, 300, 305, 306, 200])('is not what %i says', (code) => {
    expect(hop({}, code, '/moved')).toBeNull();
  });

  it('stands in line at once where it leads, as an attempt that costs no retry', () => {
    const job = new JobScript({ follow_redirects: 1, limits: [{ key: 'tokens' }] });
    job.answer(0, status(307, { location: 'https://other.example.com/there' }));
    expect(job.leg(0)).toMatchObject({ state: 'waiting', retries: 0, reroutes: 0 });
    expect(job.readyAt(0)).toBe(0);
    const [work] = queuedWork(job.spec, job.run, 0, 0, 0);
    expect(work?.origin).toBe('https://other.example.com ["tokens"]');
    expect(lineOf(job.spec.paths[0])).toBe('https://api.example.com ["tokens"]');
    job.answer(0, status(200));
    expect(job.run.end).toMatchObject({ state: 'completed', attempt: 2 });
  });

  it('is followed as often as the job allows, and is tried again where it led', () => {
    const job = new JobScript({ follow_redirects: 2, retry_policy: { max_retries: 1 } });
    job.answer(0, status(302, { location: '/1' }));
    job.answer(0, status(503));
    expect(pathOfLeg(job.spec, job.leg(0))?.url).toBe('https://api.example.com/1');
    job.answer(0, status(302, { location: '2' }));
    expect(pathOfLeg(job.spec, job.leg(0))?.url).toBe('https://api.example.com/2');
    job.answer(0, status(302, { location: URL_OF_JOB }));
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'status_302', attempt: 4 });
  });
});

describe('credentials', () => {
  const headers = {
    Authorization: 'Bearer mine',
    Cookie: 'a=b',
    'Proxy-Authorization': 'Basic x',
    'X-Key': 'k {{secret.KEY}}',
    Accept: '*/*',
  };

  it.each([
    ['another host', 'https://other.example.com/'],
    ['another port', 'https://api.example.com:8443/'],
    ['another scheme', 'http://api.example.com/'],
  ])('do not go to %s', (_, location) => {
    const call = hop({ headers }, 307, location);
    expect(call?.headers).toEqual({ Accept: '*/*' });
    expect(call?.secrets).toBeUndefined();
  });

  it('stay with a call that stays at its origin', () => {
    const call = hop({ headers }, 307, '/elsewhere');
    expect(call?.headers).toEqual(headers);
    expect(call?.secrets).toEqual(['KEY']);
  });

  it('do not come back by a second redirect', () => {
    const job = new JobScript({ follow_redirects: 5, headers });
    job.answer(0, status(307, { location: 'https://other.example.com/' }));
    job.answer(0, status(307, { location: URL_OF_JOB }));
    expect(pathOfLeg(job.spec, job.leg(0))?.headers).toEqual({ Accept: '*/*' });
  });

  it('in a body keep it where it is', () => {
    const request = { method: 'POST', body: 'key={{secret.KEY}}' };
    expect(hop(request, 307, 'https://other.example.com/')).toBeNull();
    expect(hop(request, 303, 'https://other.example.com/')).toMatchObject({ body: null });
    expect(hop(request, 307, '/moved')).toMatchObject({ secrets: ['KEY'] });
  });
});

it('every job that follows none is the plan that it was', () => {
  const url = URL_OF_JOB;
  expect(toJobSpec({ url, follow_redirects: 0 })).toEqual(toJobSpec({ url }));
});
