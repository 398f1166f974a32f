// The load, in a process of its own: submits jobs over a fixed number of connections, each of which
// sends its next submit when it has read the answer to the one before.

import { Pool } from 'undici';
import { epochMs, type LoadOrder, type LoadReport, workOf } from '../work.ts';
import { inputOfChild, say } from './child.ts';

const order = inputOfChild<LoadOrder>();
const { origin, pathname } = new URL(order.url);
const pool = new Pool(origin, { connections: order.connections, pipelining: 1 });
const headers = { ...order.headers, 'content-type': 'application/json' };
const latenciesMs: number[] = [];
let next = 0;

async function submitInTurn(): Promise<void> {
  while (next < order.jobs) {
    next += 1;
    const body = JSON.stringify(workOf(order.place, `${order.batch}-${next}`));
    const sentAt = performance.now();
    const answer = await pool.request({ path: pathname, method: 'POST', headers, body });
    const text = await answer.body.text();
    const isNew = !/"duplicate": ?true/.test(text);
    if (answer.statusCode < 200 || answer.statusCode > 299 || !isNew) {
      throw new Error(`a submit was answered ${answer.statusCode}: ${text.slice(0, 500)}`);
    }
    latenciesMs.push(performance.now() - sentAt);
  }
}

const startedAt = epochMs();
await Promise.all(Array.from({ length: order.connections }, submitInTurn));
const report: LoadReport = { startedAt, endedAt: epochMs(), latenciesMs };
say(report);
await pool.close();
