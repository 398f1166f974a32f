// What was recorded of a dispatcher, replayed: unchanged, and under other limits.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobSpec, PathSpec } from '@ezthrottle/engine';
import { API_KEY, newSpec } from '@ezthrottle/testkit/store-data';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readRecording } from '../src/simulate/read-recording.ts';
import { replay } from '../src/simulate/replay.ts';
import { createChance } from '../src/simulate/chance.ts';
import { type DispatchHarness, openDispatchHarness, SECOND_API_KEY } from './dispatch-harness.ts';
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
