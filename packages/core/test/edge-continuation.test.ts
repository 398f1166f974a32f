import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EZThrottle, Step, StepType } from '@ezthrottle/core';
import { provideRuntime } from '../../../scripts/services/runtimes.ts';
import { type JobWorld, startJobWorld } from '../../../test/runtimes/job-world.ts';
import { configOf, type RunningWorkerd, startWorkerd } from '../../../test/runtimes/workerd.ts';
import { type RealServer, startRealServer } from './real-server.ts';
import { SECRET } from './runtimes/suite/deliveries.ts';
import { EDGE_KEY } from './runtimes/suite/edge.ts';
import { seenUnder } from './runtimes/suite/world.ts';

/** The first time, workerd comes from the registry. */
const START_MS = 180_000;

const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-edge-'));
let world: JobWorld;
/** Of the targets, and of the store that knows what is done. */
let worldUrl: string;
let workerd: RunningWorkerd;
let server: RealServer;

beforeAll(async () => {
  world = await startJobWorld();
  worldUrl = world.startRun();
  [workerd, server] = await Promise.all([
    startWorker(),
    startRealServer([new URL(worldUrl).origin]),
  ]);
  const { url: baseUrl, apiKey } = server;
  await new EZThrottle({ baseUrl, apiKey }).createWebhookSecret(SECRET);
}, START_MS);

afterAll(async () => {
  await workerd[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function startWorker(): Promise<RunningWorkerd> {
  const [{ path }] = await Promise.all([
    provideRuntime('workerd'),
    build({
      entryPoints: [join(import.meta.dirname, 'runtimes/worker.ts')],
      outfile: join(folder, 'worker.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      conditions: ['@ezthrottle/source'],
      mainFields: ['module', 'main'],
      logLevel: 'silent',
    }),
  ]);
  const config = join(folder, 'workerd.capnp');
  writeFileSync(config, configOf(worldUrl, ['worker.mjs']));
  return startWorkerd(path, config);
}

/** Submits a job that a step to run in the worker follows; gives how the job's end was delivered. */
async function deliver(after: string, key: Uint8Array, endpoint = hook()): Promise<unknown> {
  const { url: baseUrl, apiKey } = server;
  const client = new EZThrottle({ baseUrl, apiKey, continuationKey: key });
  const { job_id: jobId } = await new Step(client)
    .url(`${worldUrl}/target/200/job-before-${after}`)
    .webhooks([{ url: hook() }])
    .continueAt(endpoint)
    .onSuccess(new Step().url(`${worldUrl}/target/200/${after}`).type(StepType.FRUGAL))
    .execute();
  return vi.waitUntil(
    async () => {
      const { deliveries } = await client.jobs.get(jobId ?? '');
      const own = deliveries.find(({ url }) => url === hook());
      return own !== undefined && own.attempts > 0 && own;
    },
    { timeout: 20_000, interval: 50 },
  );
}

const hook = (): string => `${workerd.origin}/hook`;

async function calls(after: string): Promise<number> {
  const around = { serverUrl: worldUrl, hookUrl: hook(), environment: 'unreadable' } as const;
  return (await seenUnder(around, `/target/200/${after}`)).length;
}

describe('a worker that keeps nothing between requests, behind a real server', () => {
  const delivered = { state: 'delivered', attempts: 1, status_code: 200 };

  test('carries on with what another process has submitted', async () => {
    expect(await deliver('carried-on', EDGE_KEY)).toMatchObject(delivered);
    expect(await calls('carried-on')).toBe(1);
  });

  test('accepts what another key has sealed, and does nothing of it', async () => {
    expect(await deliver('planted', new Uint8Array(32).fill(9))).toMatchObject(delivered);
    expect([await calls('job-before-planted'), await calls('planted')]).toEqual([1, 0]);
  });

  test('is not even told what another endpoint is to carry on', async () => {
    const elsewhere = `${worldUrl}/target/200/elsewhere`;
    expect(await deliver('foreign', EDGE_KEY, elsewhere)).toMatchObject(delivered);
    expect([await calls('job-before-foreign'), await calls('foreign')]).toEqual([1, 0]);
  });
});
