import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RuntimeReport } from '../../packages/core/test/runtimes/run-suite.ts';
import { suite } from '../../packages/core/test/runtimes/suite.ts';
import {
  chosenRuntimes,
  provideRuntime,
  type RuntimeProgram,
} from '../../scripts/services/runtimes.ts';
import { type JobWorld, startJobWorld } from './job-world.ts';
import { installPackedCore } from './packed-core.ts';
import { outputOf, runSuiteOn } from './run-runtime.ts';
import { bundleSuite, type BundleKind } from './suite-bundles.ts';

/** The first time, all runtimes come from the registry. */
const PREPARE_MS = 300_000;
const RUN_MS = 90_000;

const loader = join(import.meta.dirname, '../../packages/core/test/runtimes/load-package.mjs');
const promises = Object.keys(suite);
const names = chosenRuntimes();
const project = mkdtempSync(join(tmpdir(), 'ezthrottle-runtimes-'));
const programs = new Map<string, PromiseSettledResult<RuntimeProgram>>();
const bundles = new Map<BundleKind, string>();
let world: JobWorld;

beforeAll(async () => {
  world = await startJobWorld();
  await Promise.all([provideAll(), prepareProject()]);
}, PREPARE_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  rmSync(project, { recursive: true, force: true });
});

/** Two at a time: unpacking takes most of it. One that cannot be had fails its own tests only. */
async function provideAll(): Promise<void> {
  const waiting = [...names];
  const lane = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const [settled] = await Promise.allSettled([provideRuntime(name)]);
      programs.set(name, settled);
    }
  };
  await Promise.all([lane(), lane()]);
}

async function prepareProject(): Promise<void> {
  await installPackedCore(project);
  cpSync(loader, join(project, 'load-package.mjs'));
  for (const kind of ['node', 'portable'] as const) {
    bundles.set(kind, await bundleSuite(project, kind));
  }
}

function programOf(name: string): RuntimeProgram {
  const settled = programs.get(name);
  if (settled?.status === 'fulfilled') return settled.value;
  throw new Error(`${name} cannot be had`, { cause: settled?.reason });
}

/** Bundlers take node:crypto for Node, Bun and Deno, and the portable HMAC for workers and browsers. */
const runs = names.flatMap((name): (readonly [string, BundleKind])[] =>
  name === 'workerd'
    ? [[name, 'portable']]
    : [
        [name, 'node'],
        [name, 'portable'],
      ],
);

test.each([
  ['node', true],
  ['portable', false],
] as const)('the %s condition brings node:crypto along: %s', (kind, expected) => {
  const bundle = readFileSync(join(bundles.get(kind) ?? '', 'suite.mjs'), 'utf8');
  expect(/from ["']node:crypto["']/.test(bundle)).toBe(expected);
});

describe.each(runs)('%s, bundled with the %s condition', (name, kind) => {
  let outcome: PromiseSettledResult<RuntimeReport>;

  beforeAll(async () => {
    [outcome] = await Promise.allSettled([run()]);
  }, RUN_MS);

  async function run(): Promise<RuntimeReport> {
    // Deno reads no variable of the environment that it was not allowed to.
    const environment = name === 'deno' && kind === 'portable' ? 'unreadable' : 'readable';
    const task = { serverUrl: world.startRun(), environment } as const;
    return runSuiteOn(programOf(name), bundles.get(kind) ?? '', task);
  }

  function report(): RuntimeReport {
    if (outcome.status === 'fulfilled') return outcome.value;
    throw new Error(`the suite did not run on ${name}`, { cause: outcome.reason });
  }

  test('is the pinned version', () => {
    const { version } = programOf(name);
    // The one that does not tell its version tells its name.
    expect(report().version).toBe(name === 'workerd' ? 'Cloudflare-Workers' : version);
  });

  test('tries every promise', () => {
    expect(report().verdicts.map(({ promise }) => promise)).toEqual(promises);
  });

  test.each(promises)('%s', (promise) => {
    const verdict = report().verdicts.find((each) => each.promise === promise);
    expect(verdict?.error).toBeNull();
  });
});

describe.each(names.filter((name) => name !== 'workerd'))('%s, from node_modules', (name) => {
  test('import and require() give the same classes, and a delivery over node:http arrives', async () => {
    const output = await outputOf(programOf(name), join(project, 'load-package.mjs'), {
      permissions: ['--allow-net=127.0.0.1', '--allow-read', '--allow-env'],
    });
    expect(JSON.parse(output)).toEqual({
      entries: expect.arrayContaining(['@ezthrottle/core', '@ezthrottle/core/node']),
      problems: [],
      requiredErrorIsInstance: true,
      verificationErrorIsInstance: true,
      delivered: { status: 200, jobs: ['job-1'] },
    });
  });
});
