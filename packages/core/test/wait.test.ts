import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EZThrottle, TimeoutError, type EZThrottleOptions } from '@ezthrottle/core';
import { jobServer, listen, type Loopback, type Reply } from './loopback.ts';

let server: Loopback;

const DONE = { status: 200, body: { job_id: 'job-1', status: 'success', state: 'completed' } };
const CUT = { status: 200, cut: true } as const;

beforeEach(async () => {
  server = await listen(() => DONE);
});

afterEach(() => server[Symbol.asyncDispose]());

function clientWith(options: EZThrottleOptions = {}): EZThrottle {
  return new EZThrottle({ apiKey: 'k', baseUrl: server.url, retry: false, ...options });
}

/** These answers one after the other, then those of a server that is well. */
function answers(...replies: readonly Reply[]): void {
  const left = [...replies];
  const jobs = jobServer();
  server.answer = (request) => left.shift() ?? (request.method === 'POST' ? jobs(request) : DONE);
}

describe('waiting for a job', () => {
  it('ends when its own time is up, also while the server hangs', async () => {
    server.answer = () => ({ status: 200, hang: true });
    const client = clientWith({ timeout: 60_000, retry: {} });
    const error = await client.wait('x', { timeout: 30 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'wait_timeout' });
    const options = { url: 'https://api.example/', timeout: 30 };
    await expect(client.queueAndWait(options)).rejects.toMatchObject({ code: 'wait_timeout' });
  });

  it('goes on over a restart of the server', async () => {
    answers(CUT, { status: 503 }, CUT, { status: 429, body: { retry_after: 0 } });
    const job = await clientWith().wait('job-1', { pollInterval: 1 });
    expect(job).toMatchObject({ state: 'completed' });
    expect(server.seen).toHaveLength(5);
  });

  it('goes on over a restart in the middle of a stream', async () => {
    let looks = 0;
    server.answer = ({ path }) => {
      if (path.endsWith('/stream')) return CUT;
      looks += 1;
      return looks < 3 ? { status: 200, body: { job_id: 'job-1', status: 'queued' } } : DONE;
    };
    const job = await clientWith().wait('job-1', { pollInterval: 1 });
    expect(job).toMatchObject({ state: 'completed' });
  });

  it('submits and waits over a restart, and the job is one', async () => {
    answers(CUT, { status: 503 });
    const job = await clientWith().queueAndWait({ url: 'https://api.example/', pollInterval: 1 });
    expect(job).toMatchObject({ job_id: 'job-1', state: 'completed' });
    const bodies = server.seen.filter(({ method }) => method === 'POST').map(({ text }) => text);
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies).size).toBe(1);
  });

  it('goes on over an open circuit', async () => {
    answers(CUT, CUT);
    const circuitBreaker = { failures: 1, openMs: 20 };
    const job = await clientWith({ circuitBreaker }).wait('job-1', { pollInterval: 1 });
    expect(job).toMatchObject({ state: 'completed' });
    expect(server.seen).toHaveLength(3);
  });

  it('tells the last failure when its time is up', async () => {
    server.answer = () => ({ status: 503, body: { error: 'unavailable', message: 'restarting' } });
    const waiting = clientWith().wait('job-1', { timeout: 40, pollInterval: 1 });
    await expect(waiting).rejects.toMatchObject({
      code: 'wait_timeout',
      cause: { status: 503, code: 'unavailable' },
    });
  });

  it.each([
    [404, 'NotFoundError'],
    [401, 'AuthenticationError'],
  ])('ends at once with a %i: no repeat would cure it', async (status, name) => {
    server.answer = () => ({ status });
    await expect(clientWith().wait('job-1')).rejects.toMatchObject({ name });
    await expect(clientWith().queueAndWait({ url: 'https://api.example/' })).rejects.toMatchObject({
      name,
    });
    expect(server.seen).toHaveLength(2);
  });

  it('ends when the client is closed, and with the caller’s reason', async () => {
    server.answer = () => CUT;
    const client = clientWith({ circuitBreaker: false });
    const waiting = client.wait('job-1', { pollInterval: 60_000 }).catch((error: unknown) => error);
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = client.wait('job-1', { pollInterval: 60_000, signal: controller.signal });
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await client.close();
    expect(await waiting).toMatchObject({ code: 'closed' });
  });
});
