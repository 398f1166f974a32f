// A destination that is too hot for one node, as its target sees it: real processes, real calls.

import { setTimeout as sleep } from 'node:timers/promises';
import { destinationKey, partOfAccount } from '@ezthrottle/engine';
import { createUpstream, type UpstreamAnswer, type Upstream } from '@ezthrottle/testkit';
import { Client } from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { objectOf, textOf } from '../running-server.ts';
import { type Cluster, type NodeProcess, startCluster } from './cluster.ts';
import { arrivals, mostWithin, putLimits } from './limit-load.ts';

const RATE = 60;
/** So that a machine that is busy does not count. */
const BURST = 12;
const NODES = 3;
const PARTS = 8;
/** Above 9.6 calls a second a part is divided again: eight parts have 7.5 each. */
const FLAGS = ['--split-calls', '12'];
/** Calls that wait of each account, as long as there is more to do. */
const AHEAD = 50;
const PAUSE_S = 4;

let cluster: Cluster;
let target: Upstream;
let database: Client;
let answer: UpstreamAnswer;
let users: readonly string[];
let key: string;
let submitted: number;
/** One of the jobs that were submitted last, for each account. */
let latest: ReadonlyMap<string, string>;
let apiKeyId: string;
let isFeeding: boolean;
let feeding: Promise<void>;

afterEach(async () => {
  isFeeding = false;
  await feeding;
  await database.end();
  await cluster[Symbol.asyncDispose]();
  await target.close();
});

async function begin(): Promise<void> {
  answer = { status: 200, body: 'done', delayMs: 20 };
  target = await createUpstream(() => answer);
  cluster = await startCluster(NODES, { flags: FLAGS });
  database = new Client({ connectionString: cluster.database.url });
  await database.connect();
  const pace = { rate: RATE, burst: BURST, concurrency: 60 };
  await putLimits(cluster, [], { [`destination:${target.origin}`]: pace });
  const { rows } = await database.query<{ organization: string; api_key: string }>(
    `SELECT organizations.public_id::text AS organization, api_keys.public_id::text AS api_key
     FROM ezthrottle.organizations
     JOIN ezthrottle.api_keys ON api_keys.organization = organizations.id LIMIT 1`,
  );
  const [{ organization, api_key: apiKey } = { organization: '', api_key: '' }] = rows;
  key = destinationKey(organization, target.origin);
  apiKeyId = apiKey;
  // One account of each part.
  const byPart = new Map<number, string>();
  for (let number = 0; byPart.size < PARTS; number += 1) {
    const userId = `user-${number}`;
    byPart.set(partOfAccount({ apiKey, userId }, PARTS), userId);
  }
  users = [...byPart.values()];
  submitted = 0;
  latest = new Map();
  isFeeding = true;
  feeding = feed();
}

/** Keeps all accounts busy, by the first two nodes. */
async function feed(): Promise<void> {
  for (let turn = 0; isFeeding; turn += 1) {
    if (submitted - target.requests.length < AHEAD * PARTS) {
      const jobs = users.flatMap((user) =>
        Array.from({ length: 10 }, () => ({
          url: target.url(`/${user}/${(submitted += 1)}`),
          user_id: user,
        })),
      );
      const reply = await cluster.nodes[turn % 2]?.call('POST', '/api/v1/jobs/batch', { jobs });
      if (reply === undefined || reply.status >= 300) throw new Error(reply?.text ?? 'no node');
      const ids = listOf(reply.json['results']).map((result) =>
        textOf(objectOf(objectOf(result)['body'])['job_id']),
      );
      latest = new Map(jobs.map(({ user_id }, index) => [user_id, ids[index] ?? '']));
    }
    await sleep(100);
  }
}

async function partsNow(): Promise<number> {
  const { rows } = await database.query<{ parts: number }>(
    'SELECT parts FROM ezthrottle.divided_keys WHERE key = $1',
    [key],
  );
  return rows[0]?.parts ?? 1;
}

/** What each living node may spend of the destination, by its row. */
async function sharesNow(): Promise<readonly number[]> {
  const { rows } = await database.query<{ rate: number }>(
    `SELECT least(one.granted_rate, one.confirmed_rate) AS rate FROM ezthrottle.allotments AS one
     JOIN ezthrottle.fences AS own ON own.node = one.node AND own.epoch = one.epoch
     WHERE one.key = $1`,
    [key],
  );
  return rows.map(({ rate }) => rate);
}

async function until(holds: () => Promise<boolean>, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    if (await holds()) return;
    await sleep(250);
  }
  throw new Error(
    `not within ${withinMs} ms: ${await partsNow()} parts, shares ${(await sharesNow()).join()}`,
  );
}

/** Calls for each account in this time. */
async function callsWithin(ms: number): Promise<readonly number[]> {
  const from = target.requests.length;
  await sleep(ms);
  const seen = target.requests.slice(from).map(({ path }) => path.split('/')[1]);
  return users.map((user) => seen.filter((one) => one === user).length);
}

async function isShown(node: NodeProcess): Promise<boolean> {
  const path = `/api/v1/limits/${encodeURIComponent(`destination:${target.origin}`)}`;
  const state = objectOf((await node.call('GET', path)).json['state']);
  const rate = Number(state['rate']);
  return state['parts'] === PARTS && rate > RATE * 0.9 && rate < RATE * 1.1;
}

interface Foretold {
  readonly id: string;
  readonly startsAt: number;
  readonly waitMs: number;
}

/** How a job of each account is explained, whichever node is asked. Those that wait for moments only are left out. */
async function explained(): Promise<readonly Foretold[]> {
  const all = await Promise.all(
    [...latest].map(async ([userId, id], index): Promise<readonly Foretold[]> => {
      const json = objectOf(
        (await cluster.nodes[index % 2]?.call('GET', `/api/v1/jobs/${id}/explain`))?.json,
      );
      const startsAt = Number(json['estimated_start']);
      const waitMs = startsAt - Number(json['at']);
      if (json['phase'] !== 'waiting' || waitMs < 1_500) return [];
      expectDivided(json, partOfAccount({ apiKey: apiKeyId, userId }, PARTS));
      return [{ id, startsAt, waitMs }];
    }),
  );
  return all.flat();
}

function expectDivided(json: Readonly<Record<string, unknown>>, part: number): void {
  const [division] = listOf(json['divided']).map(objectOf);
  const key = `destination:${target.origin}`;
  const whole = { rate: RATE, concurrency: 60 };
  expect(division).toMatchObject({ key, whole, parts: PARTS, part });
  const { rate } = objectOf(division?.['share']);
  expect(rate).toBeGreaterThan(1);
  expect(rate).toBeLessThan(RATE);
  expect(division?.['position']).toBeGreaterThan(0);
  expect(division?.['position']).toBeLessThanOrEqual(Number(json['position']));
  expect(['medium', 'low']).toContain(json['confidence']);
  expect(json['message']).toContain(`divided into ${PARTS}`);
  const changes = listOf(json['waits']).flatMap((wait) => objectOf(wait)['change'] ?? []);
  expect(changes.length).toBeGreaterThan(0);
  for (const { field, value } of changes.map(objectOf)) {
    expect(value).toBe(field === 'rate' ? whole.rate : whole.concurrency);
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** By how much a job has started sooner or later than was foretold, as a part of its wait. */
async function errorOf({ id, startsAt, waitMs }: Foretold): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const json = objectOf((await cluster.nodes[0]?.call('GET', `/api/v1/jobs/${id}`))?.json);
    const startedAt = Number(json['started_at'] ?? 0);
    if (startedAt > 0) return Math.abs(startedAt - startsAt) / waitMs;
    await sleep(100);
  }
  throw new Error(`${id} has not started`);
}

/** All of the pace, in equal parts. */
function isFair(calls: readonly number[], ms: number): boolean {
  const each = (RATE * ms) / 1_000 / PARTS;
  const sum = calls.reduce((total, count) => total + count, 0);
  const isEqual = Math.min(...calls) > each * 0.75 && Math.max(...calls) < each * 1.25;
  return isEqual && sum > each * PARTS * 0.85;
}

describe('a destination that is too hot for one node', () => {
  test('is called by all nodes for its accounts in equal parts at its own pace, and joined when that is over', async () => {
    await begin();
    const isDivided = async (): Promise<boolean> => {
      const shares = await sharesNow();
      return (await partsNow()) === PARTS && shares.filter((share) => share > 1).length === NODES;
    };
    await until(isDivided, 60_000);
    // What stood in line before is done where it stands, and accounts have two turns as long.
    await until(async () => isFair(await callsWithin(8_000), 8_000), 60_000);

    // Whichever node is asked.
    for (const node of cluster.nodes) await until(() => isShown(node), 10_000);

    // One node is told to wait, so all of them do.
    const { length } = target.requests;
    answer = { status: 429, headers: { 'retry-after': `${PAUSE_S}` }, delayMs: 20 };
    while (target.requests.length === length) await sleep(5);
    answer = { status: 200, body: 'done', delayMs: 20 };
    await sleep(500);
    const paused = await callsWithin((PAUSE_S - 1) * 1_000);
    expect(paused.reduce((sum, calls) => sum + calls)).toBe(0);

    await cluster.nodes[2]?.end('SIGKILL');
    await sleep(8_000);
    const left = await callsWithin(8_000);
    expect(Math.min(...left)).toBeGreaterThan((RATE * 8 * 0.6) / PARTS);
    const sum = (await sharesNow()).reduce((total, share) => total + share, 0);
    expect(sum).toBeLessThanOrEqual(RATE);

    isFeeding = false;
    await feeding;
    // The pace that is told is the whole, and starts are foretold by the share that a job waits for.
    const foretold = await explained();
    expect(foretold.length).toBeGreaterThan(PARTS / 2);
    const errors = await Promise.all(foretold.map(errorOf));
    const median = errors.toSorted((first, second) => first - second)[errors.length >> 1];
    expect(median).toBeLessThan(0.3);

    await until(
      async () => new Set(target.requests.map(({ path }) => path)).size === submitted,
      60_000,
    );
    await until(async () => (await partsNow()) === 1 && (await sharesNow()).length === 0, 60_000);

    expect(mostWithin(arrivals([target]), 1_000)).toBeLessThanOrEqual(RATE + BURST + NODES + 2);
    // No attempt is ever sent twice; what the killed node had under way was made again under the next number.
    const attempts = target.requests.map(
      ({ headers }) => `${headers['x-ezthrottle-job-id']} ${headers['x-ezthrottle-attempt']}`,
    );
    expect(new Set(attempts).size).toBe(attempts.length);
    expect(attempts[0]).toMatch(/^[\da-f-]{36} 1$/);
  }, 240_000);
});
