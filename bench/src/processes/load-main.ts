// The load, in a process of its own: submits jobs over a fixed number of connections. In a closed loop
// each sends its next request when it has read the answer to the one before; in an open loop requests
// have their moments, whatever the answers, and are timed from them.

import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import {
  epochMs,
  type LoadOrder,
  type LoadReport,
  type Place,
  placeOfKey,
  workOf,
} from '../work.ts';
import { inputOfChild, say } from './child.ts';
import { readMessages } from './raw-http.ts';

const order = inputOfChild<LoadOrder>();
const urls = [order.url, ...(order.otherUrls ?? [])].map((url) => new URL(url));
const { jobs, jobsPerRequest, ratePerSecond, keys } = order;
const { host, pathname } = new URL(order.url);
const headers = Object.entries({ ...order.headers, host, 'content-type': 'application/json' })
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');
const latenciesMs: number[] = [];
const dueAt: number[] = [];
let sent = 0;
let answered = 0;

function placeOf(job: number): Place {
  return keys === undefined ? order.place : placeOfKey(order.place, job % keys);
}

function requestOf(first: number): string {
  const count = Math.min(jobsPerRequest, jobs - first);
  const works = Array.from({ length: count }, (_, index) =>
    workOf(placeOf(first + index), `${order.batch}-${first + index}`, order.bodyBytes),
  );
  const body = JSON.stringify(jobsPerRequest === 1 ? works[0] : { jobs: works });
  return `POST ${pathname} HTTP/1.1\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function check(head: string, body: Buffer): void {
  const text = body.toString('latin1');
  const status = Number(head.slice(9, 12));
  if (status < 200 || status > 299 || /"duplicate": ?true|"status_code": ?4/.test(text)) {
    throw new Error(`a submit was answered ${status}: ${text.slice(0, 500)}`);
  }
}

function send(socket: Socket, request: string, at: number): void {
  const count = Math.min(jobsPerRequest, jobs - sent);
  sent += count;
  socketsAt.set(socket, { at, count });
  socket.write(request);
}

const socketsAt = new Map<Socket, { readonly at: number; readonly count: number }>();
const idle: Socket[] = [];
let finish: () => void = () => undefined;
const done = new Promise<void>((resolve) => {
  finish = resolve;
});

function next(socket: Socket): void {
  if (sent >= jobs) return;
  if (ratePerSecond === null) send(socket, requestOf(sent), performance.now());
  else idle.push(socket);
}

const sockets = await Promise.all(
  Array.from({ length: order.connections }, async (_, index) => {
    const { hostname, port } = urls[index % urls.length] ?? new URL(order.url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    readMessages(socket, ({ head, body }) => {
      check(head, body);
      const request = socketsAt.get(socket);
      if (request === undefined) throw new Error('an answer came to no request');
      latenciesMs.push(performance.now() - request.at);
      answered += request.count;
      if (answered >= jobs) finish();
      else next(socket);
    });
    return socket;
  }),
);

async function sendInTime(perSecond: number): Promise<void> {
  const start = performance.now();
  for (let due = 0; due < jobs; ) {
    for (; due < jobs && start + (due * 1_000) / perSecond <= performance.now(); due += 1) {
      const socket = idle.pop();
      // All connections wait for their answers: this one is late, and its lateness counts.
      if (socket === undefined) break;
      const at = start + (due * 1_000) / perSecond;
      dueAt[due] = performance.timeOrigin + at;
      send(socket, requestOf(due), at);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const startedAt = epochMs();
for (const socket of sockets) next(socket);
if (ratePerSecond !== null) await sendInTime(ratePerSecond);
await done;
const report: LoadReport = { startedAt, endedAt: epochMs(), latenciesMs, dueAt };
say(report);
for (const socket of sockets) socket.destroy();
