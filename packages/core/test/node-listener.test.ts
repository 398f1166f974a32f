import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { answerNodeRequest, nodeListener, readRawBody } from '../src/node/index.ts';
import { createReceiver, signWebhook, type Receiver } from '../src/webhooks/index.ts';

const secret = 'the secret of these tests';
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}

function send(port: number, body: string | Uint8Array): Promise<Response> {
  const timestampSeconds = Math.floor(Date.now() / 1000);
  const signature = signWebhook({ body, secret, timestampSeconds });
  return fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    body: Buffer.from(body),
    headers: { 'x-ezthrottle-signature': signature },
  });
}

const delivery = '{"delivery_id":"1","job_id":"j","status":"success"}';

describe('a plain Node server', () => {
  it('receives a delivery without any framework', async () => {
    const jobs: string[] = [];
    const port = await listen(
      nodeListener({ secrets: secret, on: { success: ({ jobId }) => jobs.push(jobId) } }),
    );
    const answer = await send(port, delivery);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('21');
    expect(await answer.json()).toEqual({ status: 'received' });
    expect(jobs).toEqual(['j']);
  });

  it('receives a delivery of several megabytes, byte for byte', async () => {
    const note = 'é✓'.repeat(700_000);
    const notes: unknown[] = [];
    const port = await listen(
      nodeListener({ secrets: secret, on: { any: ({ raw }) => notes.push(raw['note']) } }),
    );
    const body = JSON.stringify({ job_id: 'j', status: 'failed', note });
    expect((await send(port, body)).status).toBe(200);
    expect(notes[0] === note).toBe(true);
  });

  it('is told when the sender hangs up in the middle, and runs no handler', async () => {
    const { promise, receiver } = refusalOf();
    const port = await listen(nodeListener(receiver));
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf of it', () => {
        socket.destroy();
      });
    });
    expect(await promise).toBe('validation_failed');
  });

  it('uses the bytes that somebody else has kept', async () => {
    const receiver = createReceiver({ secrets: secret });
    const port = await listen((request, response) => {
      void collect(request).then((rawBody) =>
        answerNodeRequest(receiver, Object.assign(request, { rawBody }), response),
      );
    });
    expect((await send(port, delivery)).status).toBe(200);
  });

  it('does not take a text for the bytes: it may have lost some', async () => {
    const errors: unknown[] = [];
    const receiver = createReceiver({ secrets: secret, onError: (error) => errors.push(error) });
    const port = await listen((request, response) => {
      void collect(request).then((bytes) => {
        const parsed = Object.assign(request, { rawBody: bytes.toString() });
        return answerNodeRequest(receiver, parsed, response, { fix: 'Ask for a Buffer.' });
      });
    });
    expect((await send(port, delivery)).status).toBe(500);
    expect(errors).toMatchObject([
      {
        code: 'body_already_parsed',
        message: expect.stringMatching(/text parser.*Ask for a Buff/),
      },
    ]);
  });

  it('says so when something has read the body, and guesses at no name', async () => {
    const codes: unknown[] = [];
    const port = await listen((request, response) => {
      void collect(request)
        .then(() => readRawBody(request, { limitBytes: 100 }))
        .catch((error: unknown) => codes.push(String(error)))
        .then(() => response.end());
    });
    await send(port, delivery);
    expect(codes).toEqual([expect.stringContaining('read by something before this webhook, so')]);
  });
});

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** A receiver, and the code of the first thing it refuses. */
function refusalOf(): { promise: Promise<string>; receiver: Receiver } {
  let tell = (_code: string): void => {};
  const promise = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const receiver = createReceiver({ secrets: secret, onRefused: ({ code }) => tell(code) });
  return { promise, receiver };
}
