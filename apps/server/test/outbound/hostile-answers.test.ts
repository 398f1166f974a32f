import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { AttemptReport } from '@ezthrottle/engine';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createUndiciExecutor } from '../../src/execute/undici-executor.ts';
import { createAddressPolicy } from '../../src/net/address-policy.ts';

/** Of calls that end only with it. */
const TIMEOUT_MS = 700;
/** Of those that end before, however busy the machine is. */
const LONG_MS = 20_000;
/** A busy machine is late. */
const LATE_MS = 8_000;
const MAX_BYTES = 100_000;

let target: Server | null = null;
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  const closing = target;
  target = null;
  await new Promise((resolve) => closing?.close(resolve));
});

/** What a target writes to each connection on which a request has come. */
type Answering = (socket: Socket) => void;

async function call(answering: Answering, timeoutMs: number = LONG_MS): Promise<AttemptReport> {
  target = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answering(socket));
  });
  await once(target.listen(0, '127.0.0.1'), 'listening');
  const address = target.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const policy = createAddressPolicy({ allowLoopback: true });
  const executor = createUndiciExecutor({ clock: systemClock, policy });
  const reported = new Promise<AttemptReport>((done) => {
    executor.onReports(([report]) => report !== undefined && done(report));
  });
  executor.run([
    {
      token: 'token',
      url: `http://127.0.0.1:${port}/`,
      method: 'GET',
      headers: {},
      body: null,
      timeoutMs,
      region: 'here',
      maxResponseBytes: MAX_BYTES,
    },
  ]);
  const report = await reported;
  await executor.close();
  return report;
}

/** Writes the same again and again, as fast as it is read. */
function endless(head: string, part: string | Buffer): Answering {
  return (socket) => {
    socket.write(head);
    const more = (): void => {
      while (socket.writable && socket.write(part));
      if (socket.writable) socket.once('drain', more);
    };
    more();
  };
}

function packed(encoding: string, body: Buffer): Answering {
  return (socket) => {
    socket.end(
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n\r\n`,
        ),
        body,
      ]),
    );
  };
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const BOMB = Buffer.alloc(50_000_000);

describe('an answer that never ends', () => {
  test.each([
    ['headers', endless(OK, 'X-A: b\r\n')],
    ['one header', endless(`${OK}X-A: `, 'b'.repeat(1_000))],
    ['one header name', endless(OK, 'b'.repeat(1_000))],
    ['a status line', endless('HTTP/1.1 200 ', 'O'.repeat(1_000))],
    ['trailers', endless(`${CHUNKED}1\r\na\r\n0\r\n`, 'X-A: b\r\n')],
    ['a chunk size', endless(CHUNKED, '0'.repeat(1_000))],
    ['a chunk extension', endless(`${CHUNKED}1;a=`, 'b'.repeat(1_000))],
  ])(
    'but is made of %s is not kept, and ends with its time at the latest',
    async (_, answering) => {
      const before = process.memoryUsage();
      const { outcome, startedAt, endedAt } = await call(answering, TIMEOUT_MS);
      expect(['network_error', 'timeout']).toContain(outcome.kind);
      expect(endedAt - startedAt).toBeLessThan(TIMEOUT_MS + LATE_MS);
      const after = process.memoryUsage();
      expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(
        100e6,
      );
    },
  );

  test.each(['103 Early Hints', '102 Processing'])(
    'but is made of interim answers (%s) is given up after a hundred',
    async (status) => {
      const { outcome } = await call(endless('', `HTTP/1.1 ${status}\r\nLink: </a>\r\n\r\n`));
      expect(outcome).toMatchObject({ kind: 'network_error', code: 'bad_response' });
    },
  );

  test('may be announced by interim answers before it comes', async () => {
    const { outcome, response } = await call((socket) => {
      socket.end(
        `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)}${OK}Content-Length: 1\r\n\r\na`,
      );
    });
    expect(outcome).toMatchObject({ kind: 'response', status: 200 });
    expect(response?.body).toBe('a');
  });

  test.each([
    ['a body of no stated length', endless(`${OK}\r\n`, 'b'.repeat(1_000))],
    ['chunks', endless(CHUNKED, '1\r\na\r\n')],
    [
      'a body as long as a number can be',
      endless(`${OK}Content-Length: 9007199254740991\r\n\r\n`, 'b'.repeat(1_000)),
    ],
  ])('but is %s is cut at the bound', async (_, answering) => {
    const { outcome, response } = await call(answering);
    expect(outcome).toMatchObject({ kind: 'response', status: 200 });
    expect(response).toMatchObject({ truncated: true });
    expect(response?.body).toHaveLength(MAX_BYTES);
  });

  test('but unpacks to nothing is cut as well', async () => {
    const nothing = Buffer.concat(Array.from({ length: 100 }, () => gzipSync('')));
    const head = `${OK}Content-Encoding: gzip\r\n\r\n`;
    const { outcome, response } = await call(endless(head, nothing));
    expect(outcome).toMatchObject({ kind: 'response', status: 200 });
    expect(response?.truncated).toBe(true);
  });

  test('but comes byte by byte ends with its time', async () => {
    const { outcome, startedAt, endedAt } = await call((socket) => {
      socket.write(OK);
      const timer = setInterval(() => socket.writable && socket.write('X'), 50);
      socket.once('close', () => clearInterval(timer));
    }, TIMEOUT_MS);
    expect(outcome.kind).toBe('timeout');
    expect(endedAt - startedAt).toBeLessThan(TIMEOUT_MS + LATE_MS);
  });
});

describe('a packed answer', () => {
  test.each([
    ['gzip', gzipSync(BOMB)],
    ['deflate', deflateSync(BOMB)],
    ['br', brotliCompressSync(BOMB)],
  ])('of %s that unpacks to 500 times the bound is cut there', async (encoding, body) => {
    const { response } = await call(packed(encoding, body));
    expect(response).toMatchObject({ status: 200, truncated: true });
    expect(Buffer.from(response?.body ?? '', response?.bodyEncoding)).toHaveLength(MAX_BYTES);
  });

  test.each([
    ['zstd', zstdCompressSync(BOMB)],
    ['gzip, gzip', gzipSync(gzipSync(BOMB))],
    ['gzip, br', brotliCompressSync(gzipSync(BOMB))],
    ['aes128gcm', Buffer.alloc(1_000, 1)],
  ])('of %s is kept as it came, with the word for its packing', async (encoding, body) => {
    const { response } = await call(packed(encoding, body));
    expect(response?.headers['content-encoding']).toBe(encoding);
    const kept = Buffer.from(response?.body ?? '', response?.bodyEncoding);
    expect(kept).toEqual(body.subarray(0, MAX_BYTES));
  });

  test.each(['gzip', 'deflate', 'br'] as const)(
    'of %s that ends too early is kept as far as it goes, and marked',
    async (encoding) => {
      const pack = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[encoding];
      const random = Buffer.from(Array.from({ length: 40_000 }, (_, at) => (at * at * 31) % 251));
      const whole = pack(random);
      const { response } = await call(packed(encoding, whole.subarray(0, whole.length - 5)));
      expect(response?.truncated).toBe(true);
    },
  );
});

describe('an answer that is not HTTP', () => {
  test.each([
    ['nothing', ''],
    ['noise', '\u0000\u0001\u0002\u0003\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000'],
    ['a greeting of SMTP', '220 mail.example ESMTP\r\n'],
    ['HTTP/0.9', '<html>hello</html>'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['two different lengths', `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    ['a negative length', `${OK}Content-Length: -1\r\n\r\n`],
    ['a length that wraps round', `${OK}Content-Length: 18446744073709551617\r\n\r\na`],
    ['a length beside chunks', `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na`],
    ['chunks that are none', `${CHUNKED}zz\r\n`],
    ['a header without a name', `${OK}: a\r\n\r\n`],
    ['a folded header', `${OK}X-A: b\r\n c\r\n: \r\n\r\n`],
    ['a zero character in a header', `${OK}X-A: \u0000\r\n\r\n`],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['less than it says', `${OK}Content-Length: 10\r\n\r\nabc`],
  ])('but %s is a network error', async (_, text) => {
    const { outcome } = await call((socket) => socket.end(text, 'latin1'));
    expect(outcome).toMatchObject({ kind: 'network_error' });
  });

  test('behind a whole one does not become the answer of another call', async () => {
    const second = `${OK}Content-Length: 6\r\n\r\nforged`;
    const { response } = await call((socket) => {
      socket.write(`${OK}Content-Length: 4\r\n\r\ngood${second}`);
    });
    expect(response?.body).toBe('good');
  });
});
