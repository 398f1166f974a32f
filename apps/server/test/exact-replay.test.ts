// What a real server did, recorded turn by turn, and done again by the same rules.

import { appendFileSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { createChance } from '@ezthrottle/engine';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exactReplay } from '../src/simulate/exact-replay.ts';
import { type Recording, readRecordings } from '../src/simulate/read-recording.ts';
import { type RunningServer, startServer, textOf, until } from './running-server.ts';
import { temporaryFolder } from './temporary-store.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let target: Upstream;
let file: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'recording.jsonl');
  target = await createUpstream();
});

afterEach(async () => {
  await target.close();
  await folder[Symbol.asyncDispose]();
});

function start(more: Readonly<Record<string, unknown>> = {}): Promise<RunningServer> {
  const rate = [`${target.origin}=60`];
  return startServer({ recording: file, rate, region: ['iad,fra'], ...more });
}

function answerByChance(random: () => number): void {
  const outcomes = [
    { status: 200 },
    { status: 200 },
    { status: 200 },
    { status: 201 },
    { status: 503, headers: { 'retry-after': '0' } },
    { status: 500 },
    { status: 200, headers: { 'x-cost': '7' } },
  ];
  target.route('/mixed', () => {
    const delayMs = random() * 60;
    if (random() < 0.02) return { status: 429, headers: { 'retry-after': '1' }, delayMs };
    return { ...outcomes[Math.floor(random() * outcomes.length)], delayMs };
  });
}

function mixedJob(random: () => number, name: string): Record<string, unknown> {
  const chosen = <One>(...all: readonly One[]): One | undefined =>
    all[Math.floor(random() * all.length)];
  return {
    url: target.url('/mixed?planted-secret'),
    method: 'POST',
    body: 'planted-secret'.repeat(Math.floor(random() * 20)),
    idempotent_key: name,
    user_id: `user ${Math.floor(random() * 3)}`,
    priority: Math.floor(random() * 3),
    ...chosen<Record<string, unknown>>(
      {},
      { limits: [{ key: 'calls' }] },
      { limits: [{ key: 'tokens', cost: 1 + Math.floor(random() * 5) }, { key: 'calls' }] },
      { regions: ['iad', 'fra'], execution_mode: 'race' },
      { hedge: { delay_ms: 20 } },
      { retry_at: Date.now() + Math.floor(random() * 900) },
      { on_success: { url: target.url('/mixed') } },
    ),
  };
}

/** Jobs of all kinds, some cancelled, some asked about, some twice, while limits change. */
async function load(server: RunningServer, random: () => number, run: string): Promise<void> {
  for (let n = 0; n < 60; n += 1) {
    const name = `${run} ${random() < 0.1 ? Math.max(0, n - 1) : n}`;
    const reply = await server.call('POST', '/api/v1/jobs', mixedJob(random, name));
    // There is no such limit at the moment.
    if (reply.status === 422) continue;
    expect([200, 201, 202, 409]).toContain(reply.status);
    const id = textOf(reply.json['job_id']);
    if (random() < 0.1) await server.call('DELETE', `/api/v1/jobs/${id}`);
    if (random() < 0.2) await server.call('GET', `/api/v1/jobs/${id}/explain`);
    if (n === 20) await server.call('PUT', '/api/v1/limits/calls', { rate: 20, burst: 3 });
    if (n === 30) await server.call('DELETE', '/api/v1/limits/tokens');
    if (n === 35) await server.call('PUT', '/api/v1/limits/tokens', { rate: 40, burst: 9 });
    if (n === 40) {
      const key = encodeURIComponent(`destination:${target.origin}`);
      await server.call('PUT', `/api/v1/limits/${key}`, { rate: 30, burst: 2, concurrency: 4 });
    }
  }
}

async function expectTheSame(recording: Recording): Promise<void> {
  const replayed = await exactReplay(recording);
  expect(replayed?.diverged).toBeNull();
  const told = (replayed?.starts ?? []).map(({ job, attempt, at }) => [job, attempt, at]);
  expect(told.map(([job, attempt]) => [job, attempt])).toEqual(
    recording.starts.map(({ job, attempt }) => [job, attempt]),
  );
  const apart = told.map(([, , at], n) => Math.abs(Number(at) - (recording.starts[n]?.t ?? 0)));
  expect(Math.max(...apart)).toBeLessThan(1e-6);
}

describe('a real server that records', () => {
  test('is replayed to the very same starts at the very same moments, over a restart, too', async () => {
    const random = createChance(5);
    answerByChance(random);
    const server = await start();
    await server.call('PUT', '/api/v1/limits/calls', { rate: 30 });
    await server.call('PUT', '/api/v1/limits/tokens', { rate: 50, burst: 12 });
    await load(server, random, 'first');
    await server.restart();
    await load(server, random, 'second');
    await until(
      async () => target.requests.length,
      (count) => count > 80,
    );
    await server.close();

    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('planted-secret');
    const runs = await readRecordings(file);
    expect(
      runs.map(({ isClosed, isTorn, isFull, startsBeyond }) => [
        isClosed,
        isTorn,
        isFull,
        startsBeyond,
      ]),
    ).toEqual([
      [true, false, false, 0],
      [true, false, false, 0],
    ]);
    expect(runs[1]?.header.backlog).toBeGreaterThan(0);
    expect(runs.reduce((sum, { starts }) => sum + starts.length, 0)).toBeGreaterThan(80);
    for (const run of runs) await expectTheSame(run);
  }, 120_000);

  test('is said to be cut off where its recording is', async () => {
    const random = createChance(6);
    answerByChance(random);
    const server = await start();
    await load(server, random, 'only');
    await server.close();
    truncateSync(file, Math.floor(statSync(file).size * 0.6));
    const [cut] = await readRecordings(file);
    expect(cut).toMatchObject({ isTorn: true, isClosed: false });
    const replayed = await exactReplay(cut ?? (await Promise.reject(new Error('no run'))));
    expect(replayed?.diverged).toBeNull();
    const whole = (cut?.starts.length ?? 0) - (cut?.startsBeyond ?? 0);
    expect(replayed?.starts).toHaveLength(whole);
    appendFileSync(file, '\n{"type":"closed","t":1}\n');
    await expect(readRecordings(file)).rejects.toMatchObject({ code: 'recording_unreadable' });
  }, 60_000);
});
