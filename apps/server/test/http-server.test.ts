import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHttpServer, type HttpServer } from '../src/api/http-server.ts';
import type { Route } from '../src/api/route.ts';
import { systemClock } from '../src/clock.ts';
import { request } from './running-server.ts';

const ECHO: Route = {
  method: 'POST',
  path: '/echo',
  access: 'public',
  handle: async ({ body }) => ({ status: 200, body }),
};
const BROKEN: Route = {
  method: 'POST',
  path: '/broken',
  access: 'public',
  handle: () => Promise.reject(new Error('out of order')),
};

let server: HttpServer;
let url: string;
let faults: string[];
let reports: EventEmitter;

beforeEach(async () => {
  faults = [];
  reports = new EventEmitter();
  server = await createHttpServer({
    surfaces: [{ prefix: '', routes: [ECHO, BROKEN] }],
    apiKeys: {
      authenticate: async () => null,
      forget: () => undefined,
      forgetAll: () => undefined,
      used: () => undefined,
      takeUses: () => [],
    },
    clock: systemClock,
    maxBodyBytes: 1_000,
    stopTimeoutMs: 100,
    report: (_error, _requestId, fault) => {
      faults.push(fault);
      reports.emit('report');
    },
  });
  url = await server.listen('127.0.0.1', 0);
});

afterEach(() => server.close());

test('a client that hangs up within its body is not taken for a failure of the server', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n' +
      'Content-Length: 100\r\nExpect: 100-continue\r\n\r\n{"a":',
  );
  // The server has begun with the request once it says so.
  await once(socket, 'data');
  const reported = once(reports, 'report');
  socket.destroy();
  await reported;
  expect(faults).toEqual(['client']);
});

test('a handler that fails is', async () => {
  const reply = await request(`${url}/broken`, 'POST', {});
  expect([reply.status, reply.json['error']]).toEqual([500, 'internal_error']);
  expect(faults).toEqual(['server']);
});
