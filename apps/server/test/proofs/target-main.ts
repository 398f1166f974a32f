// An API that jobs call, in a process of its own: nothing that the caller does delays its clock.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { TargetArrival, TargetOrder, TargetPhase, TargetWord } from './target-process.ts';

const order: TargetOrder = JSON.parse(process.env['PROOF_INPUT'] ?? 'null');
const arrivals: TargetArrival[] = [];
/** Arrivals of the last second that were not refused. */
const taken: number[] = [];
let begunAt: number | null = null;

process.once('disconnect', () => process.exit(0));
process.on('message', (word) => {
  if (word === 'begin') begunAt = epochMs();
  if (word === 'report') say({ type: 'report', begunAt: begunAt ?? 0, arrivals });
});

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

function say(word: TargetWord): void {
  process.send?.(word);
}

function phaseAt(at: number): TargetPhase | null {
  let end = begunAt ?? at;
  for (const phase of order.phases ?? []) {
    end += phase.forMs;
    if (at < end) return phase;
  }
  return order.phases?.at(-1) ?? null;
}

/** Counts strictly: so many in any second. */
function isRefused(at: number, perSecond: number): boolean {
  while ((taken[0] ?? Number.POSITIVE_INFINITY) <= at - 1_000) taken.shift();
  if (taken.length >= perSecond) return true;
  taken.push(at);
  return false;
}

const server = createServer((request, response) => {
  const at = epochMs();
  const phase = phaseAt(at);
  const status = phase !== null && isRefused(at, phase.perSecond) ? 429 : 200;
  arrivals.push({ at, status, path: request.url ?? '' });
  const announced = phase !== null && order.announces === true;
  const headers = announced ? { 'x-ezthrottle-rps': String(phase.perSecond) } : {};
  request.resume();
  request.on('error', () => undefined);
  setTimeout(() => response.writeHead(status, headers).end(), order.answerAfterMs);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('no port was given');
say({ type: 'listening', origin: `http://127.0.0.1:${address.port}` });
