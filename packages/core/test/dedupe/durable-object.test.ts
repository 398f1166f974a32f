import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dedupeStoreChecks } from '@ezthrottle/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { provideRuntime } from '../../../../scripts/services/runtimes.ts';
import { type RunningWorkerd, startWorkerd } from '../../../../test/runtimes/workerd.ts';
import { bundleProcess } from './bundle-process.ts';

/** The first time, workerd comes from the registry. */
const START_MS = 180_000;

const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-durable-object-'));
const config = join(folder, 'workerd.capnp');
let program: string;
let workerd: RunningWorkerd;

beforeAll(async () => {
  [program] = await Promise.all([
    provideRuntime('workerd').then(({ path }) => path),
    bundleProcess('worker.ts', folder),
  ]);
  mkdirSync(join(folder, 'objects'));
  writeFileSync(config, configOf(join(folder, 'objects')));
  workerd = await startWorkerd(program, config);
}, START_MS);

afterAll(async () => {
  await workerd[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(path: string, parameters: Record<string, string>): Promise<unknown> {
  const response = await fetch(
    `${workerd.origin}${path}?${new URLSearchParams(parameters).toString()}`,
  );
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

describe('the dedupe store over a Durable Object, in workerd', () => {
  let verdicts: unknown;

  beforeAll(async () => {
    verdicts = await ask('/checks', {});
  });

  test.each(Object.keys(dedupeStoreChecks))('%s', (promise) => {
    expect(verdicts).toHaveProperty([promise], null);
  });

  test('keeps claims and what is done through a crash of the runtime', async () => {
    const lease = { token: 'a', ms: '60000' };
    await ask('/begin', { id: 'held', ...lease });
    await ask('/begin', { id: 'done', ...lease });
    expect(await ask('/commit', { id: 'done', ...lease })).toBe(true);

    await workerd[Symbol.asyncDispose]();
    workerd = await startWorkerd(program, config);

    expect(await ask('/begin', { id: 'held', token: 'b', ms: '60000' })).toBe('in_flight');
    expect(await ask('/begin', { id: 'done', token: 'b', ms: '60000' })).toBe('done');
    expect(await ask('/commit', { id: 'held', ...lease })).toBe(true);
  });

  test.each([
    ['what is done', 'forgotten after its time'],
    ['a claim', 'left behind'],
  ])('stores nothing any more once %s is over', async (what, id) => {
    await ask('/begin', { id, token: 'a', ms: what === 'a claim' ? '300' : '60000' });
    if (what === 'what is done') await ask('/commit', { id, token: 'a', ms: '300' });
    expect(await ask('/stored', { id })).toBe(1);
    await expect.poll(() => ask('/stored', { id }), { interval: 100, timeout: 10_000 }).toBe(0);
  });
});

/** Objects on disk, as in production; without `nodejs_compat`. */
function configOf(objects: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "objects", disk = (path = ${JSON.stringify(objects)}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  durableObjectNamespaces = [(className = "ProbedDedupeObject", uniqueKey = "dedupe")],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [(name = "DEDUPE", durableObjectNamespace = (className = "ProbedDedupeObject"))],
  compatibilityDate = "2025-09-01",
);
`;
}
