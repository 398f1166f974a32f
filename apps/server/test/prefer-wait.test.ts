import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from './running-server.ts';

let server: RunningServer;
let target: Server;
let origin: string;
/** Calls that the target has had and not answered. */
let calls: ServerResponse[];
let hits: number;
let isSlow: boolean;

beforeEach(async () => {
  calls = [];
  hits = 0;
  isSlow = false;
  target = createServer((_request, response) => {
    hits += 1;
    if (isSlow) calls.push(response);
    else response.end('done');
  }).listen(0, '127.0.0.1');
  await once(target, 'listening');
  const address = target.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  server = await startServer({ rate: `${origin}=1000`, 'stop-timeout': '1s' });
});

afterEach(async () => {
  target.closeAllConnections();
  target.close();
  await server.close();
});

const PREFER = { prefer: 'wait=20' };

describe('Prefer: wait', () => {
  test('answers a submit with the result of the job', async () => {
    const reply = await server.call('POST', '/api/v1/jobs', { url: `${origin}/` }, PREFER);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('preference-applied')).toBe('wait=20');
    expect(reply.json).toMatchObject({
      status: 'success',
      idempotency_expires_at: expect.any(Number),
      result: { status: 'success', response: { status_code: 200, body: 'done' } },
    });
    const again = await server.call('POST', '/api/v1/jobs', { url: `${origin}/` }, PREFER);
    expect(again.json).toMatchObject({ job_id: reply.json['job_id'], duplicate: true });
    expect(again.json['result']).toEqual(reply.json['result']);
    expect(hits).toBe(1);
  });

  test('gives the id when the job takes longer, and the result to whoever comes back', async () => {
    isSlow = true;
    const job = { url: `${origin}/slow`, idempotent_key: 'slow' };
    const early = await server.call('POST', '/api/v1/jobs', job, { prefer: 'wait=0' });
    expect(early.status).toBe(202);
    expect(early.json).toMatchObject({ job_id: expect.any(String), status: 'queued' });
    const waiting = server.call('POST', '/api/v1/jobs', job, PREFER);
    await expect.poll(() => calls.length).toBe(1);
    calls[0]?.end('late');
    expect(await waiting).toMatchObject({
      status: 200,
      json: {
        job_id: early.json['job_id'],
        duplicate: true,
        result: { response: { body: 'late' } },
      },
    });
    expect(hits).toBe(1);
  });

  test('runs the job of a client that has hung up, once', async () => {
    isSlow = true;
    const job = { url: `${origin}/left`, idempotent_key: 'left' };
    const leaving = new AbortController();
    const left = fetch(`${server.url}/api/v1/jobs`, {
      method: 'POST',
      headers: {
        ...PREFER,
        authorization: `Bearer ${server.apiKey}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(job),
      signal: leaving.signal,
    });
    await expect.poll(() => calls.length).toBe(1);
    leaving.abort();
    await expect(left).rejects.toThrow('aborted');
    calls[0]?.end('after all');
    const back = await server.call('POST', '/api/v1/jobs', job, PREFER);
    expect(back).toMatchObject({
      status: 200,
      json: { duplicate: true, result: { response: { body: 'after all' } } },
    });
    expect(hits).toBe(1);
  });

  test('ends with the server, and the next one gives the one result', async () => {
    isSlow = true;
    const job = { url: `${origin}/restarted`, idempotent_key: 'restarted' };
    const waiting = server.call('POST', '/api/v1/jobs', job, PREFER);
    await expect.poll(() => calls.length).toBe(1);
    await server.restart(async () => {
      const cut = await waiting;
      expect(cut.status).toBe(202);
      isSlow = false;
    });
    const after = await server.call('POST', '/api/v1/jobs', job, PREFER);
    expect(after).toMatchObject({
      status: 200,
      json: { job_id: (await waiting).json['job_id'], result: { response: { body: 'done' } } },
    });
    const { attempts } = (await server.call('GET', `/api/v1/jobs/${String(after.json['job_id'])}`))
      .json;
    expect(attempts).toMatchObject([{ attempt: 1 }, { attempt: 2, outcome: 'response' }]);
  });

  test('does not hold back a submit when too many watch already', async () => {
    await server.restart(undefined, { 'max-streams': '0' });
    const reply = await server.call('POST', '/api/v1/jobs', { url: `${origin}/busy` }, PREFER);
    expect(reply.status).toBe(202);
    expect(reply.headers.has('preference-applied')).toBe(false);
  });

  test('gives no result to a key that may only submit, and takes no job of it', async () => {
    const made = await server.call('POST', '/api/v1/api-keys', { name: 'in', scopes: ['submit'] });
    const authorization = `Bearer ${String(made.json['api_key'])}`;
    const job = { url: `${origin}/unread` };
    const refused = await server.call('POST', '/api/v1/jobs', job, { ...PREFER, authorization });
    expect(refused).toMatchObject({ status: 403, json: { error: 'forbidden' } });
    expect((await server.call('POST', '/api/v1/jobs', job, { authorization })).status).toBe(201);
  });
});
