// What was recorded of a dispatcher, replayed: unchanged, and under other limits.

import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobSpec, PathSpec } from '@ezthrottle/engine';
import { createChance } from '@ezthrottle/engine';
import { createUpstream } from '@ezthrottle/testkit';
import { API_KEY, newSpec } from '@ezthrottle/testkit/store-data';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readRecording } from '../src/simulate/read-recording.ts';
import { replay } from '../src/simulate/replay.ts';
import { type DispatchHarness, openDispatchHarness, SECOND_API_KEY } from './dispatch-harness.ts';
import { objectOf, startServer, until } from './running-server.ts';
import { temporaryFolder } from './temporary-store.ts';

const [PATH] = newSpec({}).paths;
const ORIGINS = ['https://one.example', 'https://two.example'];
const STATUSES = [200, 200, 200, 200, 200, 503, 429, 500];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'recording.jsonl');
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

function job(random: () => number, n: number): Partial<JobSpec> {
  const origin = ORIGINS[Math.floor(random() * 2)] ?? '';
  const kind = Math.floor(random() * 4);
  const limits = [
    { key: 'tokens', cost: 1 + Math.floor(random() * 9), settlePath: '$.cost' },
    { key: 'calls', cost: 1 },
  ].slice(0, kind % 3);
  const path: PathSpec = {
    ...PATH,
    url: `${origin}/secret-path/${n}`,
    origin,
    headers: { authorization: 'Bearer planted-secret' },
    body: { encoding: 'utf8', data: 'planted-secret' },
    ...(limits.length > 0 && { limits }),
  };
  return {
    paths: [path],
    userId: `user ${Math.floor(random() * 4)}`,
    priority: Math.floor(random() * 3),
    metadata: { note: 'planted-secret' },
  };
}

/** Some minutes in which jobs come, fail, are tried again, are cancelled, and limits change. */
async function live(harness: DispatchHarness, seed: number): Promise<void> {
  const random = createChance(seed);
  harness.executor.script = () => {
    const status = STATUSES[Math.floor(random() * STATUSES.length)] ?? 200;
    const isPause = status === 429 && random() < 0.5;
    return {
      status,
      afterMs: Math.floor(random() * 900),
      headers: isPause ? { 'retry-after': '2', 'set-cookie': 'planted-secret' } : {},
    };
  };
  for (let n = 0; n < 120; n += 1) {
    const account = { apiKey: random() < 0.3 ? SECOND_API_KEY.id : API_KEY.id };
    const id = await harness.submit(job(random, n), account);
    if (random() < 0.5) await harness.run(Math.floor(random() * 60) * 10, 10);
    if (random() < 0.05) await harness.dispatcher.cancel(API_KEY.organization, id);
    if (n === 40) harness.setLimit('tokens', { rate: 8, burst: 20 });
    if (n === 80) harness.setLimit('calls', { rate: 2, paused_until: harness.clock.now() + 4_000 });
  }
  await harness.runUntil(
    async () => {
      const { pending, scheduled, processing } = await harness.store.jobs.counts();
      return pending + scheduled + processing === 0;
    },
    3_600_000,
    50,
  );
}

async function record(seed: number): Promise<void> {
  const named = { tokens: { rate: 30, burst: 20 }, calls: { rate: 5 } };
  await using harness = await openDispatchHarness({
    named,
    pace: { ratePerSecond: 6 },
    recording: file,
  });
  await live(harness, seed);
  await harness.endRecording();
}

describe('a recording', () => {
  test.each([1, 2, 3, 4])(
    'replayed unchanged gives the very same starts (%i)',
    async (seed) => {
      await record(seed);
      const recording = await readRecording(file);
      expect(recording.starts.length).toBeGreaterThan(120);
      const { starts, assumed, unfinished } = await replay(recording, new Map());
      expect(starts.map(({ job: id, attempt }) => [id, attempt])).toEqual(
        recording.starts.map(({ job: id, attempt }) => [id, attempt]),
      );
      const apart = starts.map(({ at }, index) => Math.abs(at - (recording.starts[index]?.t ?? 0)));
      // Times are sums of fractions: their last digits may differ.
      expect(Math.max(...apart)).toBeLessThan(1e-6);
      expect({ assumed, unfinished }).toEqual({ assumed: 0, unfinished: 0 });
    },
    60_000,
  );

  test('holds nothing that jobs or answers carry', async () => {
    await record(5);
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('planted-secret');
    expect(text).not.toContain('secret-path');
  }, 60_000);

  test('replayed under other limits starts earlier or later than it did', async () => {
    await record(6);
    const recording = await readRecording(file);
    const before = await replay(recording, new Map());
    const after = await replay(recording, new Map([['tokens', { rate: 1, burst: 20 }]]));
    const last = (of: typeof before): number => Math.max(...of.starts.map(({ at }) => at));
    expect(last(after)).toBeGreaterThan(last(before) + 30_000);
    expect(after.leftOut).toBe(1);
  }, 60_000);
});

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const GUIDE = fileURLToPath(new URL('../../../docs/guides/operations.md', import.meta.url));

/** The guide's own command and limits, run where the recording is. */
function simulate(more: readonly string[] = []): { code: number | null; out: string; err: string } {
  const guide = readFileSync(GUIDE, 'utf8');
  const [limits = ''] = /^\{ "limits": .*$/m.exec(guide) ?? [];
  const [, command = ''] = /^npx ezthrottle (simulate .*)$/m.exec(guide) ?? [];
  writeFileSync(join(dirname(file), 'limits.json'), limits);
  const argv = ['--conditions=@ezthrottle/source', MAIN, ...command.split(' '), ...more];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: dirname(file),
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

describe('a real server that records', () => {
  test('is replayed to the very moment, and told what other limits would do', async () => {
    const target = await createUpstream();
    const server = await startServer({ recording: file, rate: [`${target.origin}=1000`] });
    await server.call('PUT', '/api/v1/limits/openai-rpm', { rate: 10 });
    const jobs = Array.from({ length: 20 }, (_, n) => ({
      url: target.url(`/planted-path?n=${n}`),
      idempotent_key: `job ${n}`,
      limits: ['openai-rpm'],
      body: 'planted-body',
      method: 'POST',
    }));
    await server.call('POST', '/api/v1/jobs/batch', { jobs });
    await until(
      async () => target.requests.length,
      (count) => count === 20,
    );
    await server.close();
    await target.close();

    expect(readFileSync(file, 'utf8')).not.toMatch(/planted|test_[\da-f]{32}/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const told = simulate(['--json']);
    expect(told.err).toBe('');
    const { fidelity, before, after, assumptions } = objectOf(JSON.parse(told.out));
    expect(fidelity).toMatchObject({ recorded: 20, same: 20, isExact: true });
    expect(Number(objectOf(fidelity)['largest'])).toBeLessThan(1e-6);
    const figures = (all: unknown): Record<string, unknown> =>
      objectOf(
        (Array.isArray(all) ? all : []).find((one) => objectOf(one)['key'] === 'openai-rpm'),
      );
    expect(figures(before)).toMatchObject({ jobs: 20 });
    // What was late on a busy machine is late in the replay, too.
    expect(Number(figures(before)['perSecond'])).toBeGreaterThan(5);
    expect(Number(figures(before)['perSecond'])).toBeLessThan(10.5);
    expect(Number(figures(after)['perSecond'])).toBeLessThan(2.2);
    expect(assumptions).toContain('jobs come when they came, whatever the limits are');
    expect(simulate().out).toMatch(/^openai-rpm +20 > 20 +[01]\.\d\d s > \d\.\d\d s/m);
  }, 60_000);

  test('follows in the replay the redirects that were followed, and keeps no address of them', async () => {
    const target = await createUpstream();
    const other = await createUpstream();
    const rate = [`${target.origin}=1000`, `${other.origin}=1000`];
    const server = await startServer({ recording: file, rate });
    await server.call('PUT', '/api/v1/limits/openai-rpm', { rate: 1_000 });
    await server.call('PUT', '/api/v1/secrets/PLANTED', { value: 'planted-value', origins: ['*'] });
    const location = other.url('/planted-there?planted=1');
    target.route('/planted-moved', { status: 307, headers: { location } });
    target.route('/planted-gone', { status: 302, headers: { location: 'ftp://planted.example/' } });
    other.route('/planted-there', { status: 302, headers: { location: 'planted-further' } });
    const follow = { method: 'POST', follow_redirects: 2, limits: ['openai-rpm'] };
    const moved = { ...follow, url: target.url('/planted-moved') };
    const jobs = [
      ...Array.from({ length: 5 }, () => ({ ...moved, body: 'planted-body' })),
      { ...moved, body: 'planted {{secret.PLANTED}}' },
      { ...moved, follow_redirects: 1 },
      { ...follow, url: target.url('/planted-gone') },
    ];
    for (const [n, job] of jobs.entries()) {
      const { json } = await server.call('POST', '/api/v1/jobs', {
        ...job,
        idempotent_key: `${n}`,
      });
      const id = String(json['job_id']);
      await until(
        () => server.call('GET', `/api/v1/jobs/${id}`),
        (reply) => reply.json['ended_at'] !== null,
      );
    }
    expect([target.requests.length, other.requests.length]).toEqual([8, 11]);
    await server.close();
    await target.close();
    await other.close();
    expect(readFileSync(file, 'utf8')).not.toContain('planted');
    const told = simulate(['--json']);
    expect(told.err).toBe('');
    const { fidelity } = objectOf(JSON.parse(told.out));
    expect(fidelity).toMatchObject({ recorded: 19, same: 19, isExact: true });
  }, 60_000);

  test('ends its recording at the bound of the file', async () => {
    const target = await createUpstream();
    const rate = [`${target.origin}=1000`];
    const server = await startServer({ recording: file, 'recording-max-bytes': '65536', rate });
    for (let n = 0; n < 100; n += 1) {
      const url = target.url('/');
      await server.call('POST', '/api/v1/jobs', { url, idempotent_key: `job ${n}` });
    }
    await server.close();
    await target.close();
    expect(statSync(file).size).toBeLessThanOrEqual(65_536);
    expect((await readRecording(file)).isFull).toBe(true);
    const told = simulate(['--json']);
    expect(told.err).toBe('');
    expect(objectOf(JSON.parse(told.out))['assumptions']).toContain(
      'the recording ended at the bound of its file: what came later is missing',
    );
  }, 60_000);

  test('says what is wrong with a recording, with limits and with arguments', () => {
    writeFileSync(file, '{"type":"recording"}\nnonsense\n');
    expect(simulate()).toMatchObject({
      code: 1,
      err: expect.stringContaining('recording.jsonl:1 is no line of a recording'),
    });
    const limits = join(dirname(file), 'other.json');
    writeFileSync(limits, JSON.stringify({ limits: { slow: { rate: -1 }, 'account:': {} } }));
    const argv = [
      '--conditions=@ezthrottle/source',
      MAIN,
      'simulate',
      '--fast',
      '--config',
      limits,
    ];
    const wrong = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('--fast is not a flag of simulate');
    expect(wrong.stderr).toContain('--recording is missing');
    const both = spawnSync(
      process.execPath,
      [...argv.slice(0, 3), '--recording', file, '--config', limits],
      { encoding: 'utf8' },
    );
    expect(both.status).toBe(2);
    expect(both.stderr).toContain('limits.slow.rate');
    expect(both.stderr).toContain('limits.account:');
  });
});
