import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from './running-server.ts';

let server: RunningServer;

beforeAll(async () => {
  server = await startServer({ 'max-body-bytes': '100000' });
});

afterAll(async () => {
  await server.close();
});

/** What the server writes to a connection until it closes it, or is silent for a while. */
async function answerTo(text: string | readonly string[], silenceMs = 400): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  const parts: Buffer[] = [];
  // A server that has said no may close while the rest is still being written.
  socket.on('error', () => undefined);
  socket.setTimeout(silenceMs, () => socket.destroy());
  socket.on('data', (part: Buffer) => parts.push(part));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for (const part of [text].flat()) {
    socket.write(withKey(part), 'latin1');
  }
  await closed;
  return Buffer.concat(parts).toString('latin1');
}

function withKey(text: string): string {
  return text.replaceAll('KEY', server.apiKey);
}

function statusesIn(answer: string): readonly number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) [A-Z]/g)].map(([, status]) => Number(status));
}

const JOB = '{"url":"http://127.0.0.1:9/smuggled","retry_at":8640000000000000}';

function submit(headers: string, body: string): string {
  return (
    'POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY\r\n' +
    `Content-Type: application/json\r\n${headers}\r\n\r\n${body}`
  );
}

const SMUGGLED = submit(`Content-Length: ${JOB.length}`, JOB);
const HEALTH = 'GET /health HTTP/1.1\r\nHost: a\r\n\r\n';

async function jobs(): Promise<string> {
  return (await server.call('GET', '/api/v1/jobs')).text;
}

describe('two requests in one', () => {
  test.each([
    [
      'a length beside chunks',
      submit(
        `Content-Length: ${SMUGGLED.length}\r\nTransfer-Encoding: chunked`,
        `0\r\n\r\n${SMUGGLED}`,
      ),
    ],
    [
      'chunks beside a length',
      submit('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${SMUGGLED}`),
    ],
    ['two lengths', submit(`Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED)],
    ['a list of lengths', submit(`Content-Length: 0, ${SMUGGLED.length}`, SMUGGLED)],
    ['a length with a sign', submit('Content-Length: +0', SMUGGLED)],
    ['a negative length', submit('Content-Length: -1', SMUGGLED)],
    ['a length in hexadecimal', submit('Content-Length: 0x0', SMUGGLED)],
    ['a space before the colon', submit('Transfer-Encoding : chunked', `0\r\n\r\n${SMUGGLED}`)],
    [
      'chunks that are not last',
      submit('Transfer-Encoding: chunked, identity', `0\r\n\r\n${SMUGGLED}`),
    ],
    ['chunked in another spelling', submit('Transfer-Encoding: xchunked', `0\r\n\r\n${SMUGGLED}`)],
    ['a tab before chunked', submit('Transfer-Encoding:\u000bchunked', `0\r\n\r\n${SMUGGLED}`)],
    ['a folded header', submit('Transfer-Encoding:\r\n chunked, x', `0\r\n\r\n${SMUGGLED}`)],
    ['a bare line feed', submit('Transfer-Encoding: chunked\nX: y', `0\n\n${SMUGGLED}`)],
    ['a chunk size with a sign', submit('Transfer-Encoding: chunked', `-1\r\n\r\n${SMUGGLED}`)],
    [
      'a chunk size that wraps round',
      submit('Transfer-Encoding: chunked', `10000000000000000\r\n${SMUGGLED}`),
    ],
    [
      'a chunk longer than it says',
      submit('Transfer-Encoding: chunked', `1\r\n{}\r\n0\r\n\r\n${SMUGGLED}`),
    ],
  ])('told apart by %s are refused, and the connection is closed', async (_, text) => {
    const answer = await answerTo(text);
    expect(statusesIn(answer)).toEqual([400]);
    expect(answer).toMatch(/^Connection: close/im);
    expect(await jobs()).not.toContain('smuggled');
  });

  test('are refused over HTTP/1.0 when they come in chunks', async () => {
    const answer = await answerTo(
      submit('Transfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`).replace('HTTP/1.1', 'HTTP/1.0'),
    );
    expect(statusesIn(answer).every((status) => status >= 400)).toBe(true);
    expect(await jobs()).not.toContain('smuggled');
  });
});

describe('what is no request', () => {
  test.each([
    ['noise', '\u0000\u0001\u0002\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['another version', 'GET /health HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n'],
    ['a method that is none', 'G{T /health HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a header without a colon', 'GET /health HTTP/1.1\r\nHost: a\r\nX\r\n\r\n'],
    ['a zero character in a header', 'GET /health HTTP/1.1\r\nHost: a\r\nX: \u0000\r\n\r\n'],
    ['a space in the address', 'GET /he alth HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('%s is refused, and the connection is closed', async (_, text) => {
    const [status, ...more] = statusesIn(await answerTo(text));
    expect(more).toEqual([]);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  test.each([
    ['an address of 100,000 characters', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['100,000 headers', `GET /health HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(100_000)}\r\n`],
    [
      'a header of 100,000 characters',
      `GET /health HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
    ],
    [
      'a header name of 100,000 characters',
      `GET /health HTTP/1.1\r\nHost: a\r\n${'y'.repeat(100_000)}: a\r\n\r\n`,
    ],
  ])('%s is too long', async (_, text) => {
    expect(statusesIn(await answerTo(text))).toEqual([431]);
  });

  test.each([
    ['the address of another server', 'GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: a\r\n\r\n', 404],
    ['a tunnel', 'CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    ['a trace', 'TRACE /health HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n', 404],
    ['no address', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 404],
    ['an authority', 'GET //127.0.0.1:9/ HTTP/1.1\r\nHost: a\r\n\r\n', 404],
    ['a way up', 'GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ])('%s leads nowhere', async (_, text, status) => {
    const answer = await answerTo(text);
    expect(statusesIn(answer)).toEqual([status]);
    expect(answer).not.toContain('X: y');
  });

  test.each([
    ['another protocol', 'Connection: Upgrade\r\nUpgrade: websocket'],
    [
      'HTTP/2',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
    ],
  ])('a wish for %s is passed over', async (_, headers) => {
    const answer = await answerTo(`GET /health HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n`);
    expect(statusesIn(answer)).toEqual([200]);
  });
});

describe('a refusal before any route', () => {
  const EXPECTING = 'POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n';

  test.each([
    ['no host', 'GET /health HTTP/1.1\r\n\r\n', 400, 'headers.host'],
    ['no host at no address', 'GET /nowhere HTTP/1.1\r\n\r\n', 400, 'headers.host'],
    ['an unknown expectation', `${EXPECTING}Expect: tea\r\n\r\n{}`, 417, 'headers.expect'],
    ['half a request line', 'GET\r\n\r\n', 400, ''],
    ['a version that is none', 'GET /health HTTP/9.9\r\nHost: a\r\n\r\n', 400, ''],
    [
      'headers that are too long',
      `GET /health HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
      431,
      'headers',
    ],
    ['a tunnel', 'CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: a\r\n\r\n', 405, 'method'],
  ])('says what is wrong and where: %s', async (_, text, status, path) => {
    const answer = await answerTo(text);
    expect(statusesIn(answer)).toEqual([status]);
    expect(answer).toMatch(/^Connection: close/im);
    expect(answer).toMatch(/^Content-Type: application\/json/im);
    const body: unknown = JSON.parse(answer.slice(answer.indexOf('{')));
    expect(body).toEqual({
      error: expect.stringMatching(/^(?:validation_failed|method_not_allowed)$/),
      message: expect.any(String),
      problems: [{ path, message: expect.any(String), expected: expect.any(String) }],
      request_id: expect.stringMatching(/.+/),
    });
  });

  test('is none for a request that waits to be told to go on', async () => {
    const answer = await answerTo(
      submit(`Content-Length: 2\r\nExpect: 100-Continue\r\nConnection: close`, '{}'),
    );
    expect(statusesIn(answer)).toEqual([100, 400]);
  });

  test('is none for HTTP/1.0, which knows no host', async () => {
    expect(statusesIn(await answerTo('GET /health HTTP/1.0\r\n\r\n'))).toEqual([200]);
  });
});

describe('requests one behind another', () => {
  test('are answered in their order', async () => {
    const answer = await answerTo(HEALTH.repeat(50) + HEALTH.replace('/health', '/nowhere'));
    expect(statusesIn(answer)).toEqual([...Array.from({ length: 50 }, () => 200), 404]);
  });

  test('are not answered behind a body that is too long', async () => {
    const answer = await answerTo(
      `${submit('Content-Length: 100001', 'a'.repeat(100_001))}${SMUGGLED}`,
    );
    expect(statusesIn(answer)[0]).toBe(413);
    expect(statusesIn(answer).filter((status) => status < 300)).toEqual([]);
  });

  test('do no harm when nobody reads the answers', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    socket.pause();
    const before = process.memoryUsage();
    for (let sent = 0; sent < 200 && socket.write(HEALTH.repeat(500)); sent += 1) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    const after = process.memoryUsage();
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(200e6);
    socket.destroy();
    expect((await server.call('GET', '/health')).status).toBe(200);
  });
});
