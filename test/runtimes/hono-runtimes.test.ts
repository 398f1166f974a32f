import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeAdapter } from '@ezthrottle/testkit/adapter-suite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chosenRuntimes, provideRuntime } from '../../scripts/services/runtimes.ts';
import {
  bundleRemoteHono,
  remoteSubject,
  serveRemoteHono,
  type RemoteHost,
} from './remote-hono.ts';

/** The first time, runtimes come from the registry. */
const PREPARE_MS = 300_000;

/** On Node it is tried in packages/hono. */
const names = chosenRuntimes().filter((name) => !name.startsWith('node'));
const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-hono-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what a Worker bundles needs nothing of Node', async () => {
  const bundle = readFileSync(await bundleRemoteHono('workerd', folder), 'utf8');
  expect(bundle).not.toMatch(/from ["']node:|require\(/);
});

describe.each(names)('%s', (name) => {
  let host: RemoteHost | undefined;

  beforeAll(async () => {
    host = await serveRemoteHono(await provideRuntime(name), folder);
  }, PREPARE_MS);

  afterAll(() => host?.end());

  const served = (): RemoteHost => {
    if (host === undefined) throw new Error(`${name} does not serve`);
    return host;
  };
  describeAdapter(remoteSubject(`Hono 4 on ${name}`, served));
});
