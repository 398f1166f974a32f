import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DevServer, startDevServer } from './readme/dev-server.ts';
import { triedDocuments } from './readme/documents.ts';
import { limitConcurrency } from './readme/limit-concurrency.ts';
import { runSnippet } from './readme/run-snippet.ts';
import {
  checkSyntax,
  missingScripts,
  runCalls,
  shellBlocksOf,
  type ShellBlock,
} from './readme/shell-block.ts';
import {
  removeSnippetFiles,
  snippetFilesOf,
  type SnippetFile,
  writeSnippetFiles,
} from './readme/snippet-files.ts';
import { typeCheck } from './readme/type-check.ts';

const documents = triedDocuments();
const files = snippetFilesOf(documents);
const blocks = shellBlocksOf(documents);

let problems: Awaited<ReturnType<typeof typeCheck>> = new Map();
let server: DevServer | undefined;
let upstream: Upstream | undefined;
/** What became of each file and shell block that runs: started together, two at a time, awaited one by one. */
const runs = new Map<object, Promise<string | null>>();

beforeAll(async () => {
  // It names a pace, so that jobs of one snippet do not wait for those of another.
  const headers = { 'X-EZThrottle-Rps': '500' };
  upstream = await createUpstream({ headers, body: { ok: true } });
  server = await startDevServer(upstream.origin);
  writeSnippetFiles(files, { your_api_key: server.apiKey });
  problems = await typeCheck(files);
  const world = {
    upstream: upstream.origin,
    environment: {
      EZTHROTTLE_URL: server.url,
      EZTHROTTLE_API_KEY: server.apiKey,
      WEBHOOK_SECRET: server.signingSecret,
    },
  };
  const oneOfTwo = limitConcurrency(2);
  const start = (key: object, run: () => Promise<string | null>): void => {
    const outcome = oneOfTwo(run);
    // Its test tells; until then it must not count as unhandled.
    outcome.catch(() => undefined);
    runs.set(key, outcome);
  };
  for (const each of files) {
    if (each.runs) start(each, () => runSnippet(each.file, world));
  }
  for (const each of blocks) {
    if (each.calls.length > 0) start(each, () => runCalls(each, world.environment));
  }
}, 180_000);

afterAll(async () => {
  await Promise.allSettled(runs.values());
  await server?.[Symbol.asyncDispose]();
  await upstream?.close();
  removeSnippetFiles(files);
}, 60_000);

test('there is something to try', () => {
  expect(documents.map(({ path }) => path)).toContain('README.md');
  expect(files.length + blocks.length).toBeGreaterThan(0);
});

describe('a block of JavaScript or TypeScript', () => {
  test.each(named(files))('%s type-checks', (_, { file }) => {
    expect(problems.get(file) ?? []).toEqual([]);
  });

  const running = named(files.filter(({ runs: isRun }) => isRun));
  test.each(running)('%s runs', { timeout: 60_000 }, async (_, each) => {
    expect(await runs.get(each)).toBeNull();
  });
});

describe('a block of shell commands', () => {
  test.each(named(blocks))('%s can be read by a shell', (_, { snippet }) => {
    expect(() => checkSyntax(snippet.code)).not.toThrow();
  });

  const naming = named(blocks.filter(({ scripts }) => scripts.length > 0));
  test.each(naming)('%s names scripts that exist', (_, each) => {
    expect(missingScripts(each)).toEqual([]);
  });

  const calling = named(blocks.filter(({ calls }) => calls.length > 0));
  test.each(calling)('%s is accepted by the server', { timeout: 60_000 }, async (_, each) => {
    expect(await runs.get(each)).toBeNull();
  });
});

/** With what a test's name tells: the place, and which commands are read but not run. */
function named<T extends SnippetFile | ShellBlock>(all: readonly T[]): [string, T][] {
  return all.map((each) => {
    const notRun = 'notRun' in each ? each.notRun : [];
    const commands = notRun.map((text) => text.replaceAll(/\s+/g, ' ')).join('; ');
    const place = `${each.document.path}:${each.snippet.line}`;
    return [commands === '' ? place : `${place} (not run: ${commands})`, each];
  });
}
