import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDevServer } from './dev-server.ts';
import type { TriedDocument } from './documents.ts';
import { runSnippet } from './run-snippet.ts';
import { missingScripts, runCalls, type ShellBlock, shellBlocksOf } from './shell-block.ts';
import { removeSnippetFiles, snippetFilesOf, writeSnippetFiles } from './snippet-files.ts';
import { typeCheck } from './type-check.ts';

let folder = '';
let upstream: Upstream;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-try-'));
  upstream = await createUpstream({ body: { from: 'upstream' } });
});

afterEach(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

function documentOf(markdown: string): TriedDocument {
  return { path: 'docs/sample.md', markdown, packageFolder: 'packages/testkit' };
}

describe('a snippet that runs', () => {
  function run(code: string, timeoutMs?: number): Promise<string | null> {
    const file = join(folder, 'snippet.mts');
    writeFileSync(file, code);
    const environment = { SAMPLE_URL: upstream.origin };
    return runSnippet(file, { environment, upstream: upstream.origin }, timeoutMs);
  }

  test('is fine when it ends by itself, and sees the variables it was promised', async () => {
    const code = `const answer = await fetch(new URL('/mine', process.env.SAMPLE_URL));
      if (!answer.ok) throw new Error('not ok');`;

    expect(await run(code)).toBeNull();
    expect(upstream.requests.map(({ path }) => path)).toEqual(['/mine']);
  });

  test('gets its answers for hosts under example.com on this machine', async () => {
    const code = `const init = { method: 'POST', body: 'a' };
      await fetch(new Request('https://api.example.com/one?x=1', init));
      const answer = await fetch('https://example.com/two');
      if ((await answer.json()).from !== 'upstream') process.exit(1);`;

    expect(await run(code)).toBeNull();
    expect(upstream.requests).toMatchObject([
      { method: 'POST', path: '/one?x=1', body: 'a' },
      { method: 'GET', path: '/two' },
    ]);
  });

  test.each([
    ['a name', "await fetch('https://elsewhere.invalid.test/')", 'ENOTFOUND'],
    ['an address', "await fetch('http://192.0.2.1/')", 'must not leave this machine'],
    ['a socket', "(await import('node:net')).connect(80, '192.0.2.1')", 'must not leave'],
    ['a lookup', "await (await import('node:dns/promises')).lookup('a.test')", 'ENOTFOUND'],
  ])('fails when it leaves this machine by %s', async (_, code, message) => {
    expect(await run(code)).toContain(message);
  });

  test('fails on a rejection that nobody handles, and says which', async () => {
    expect(await run("void Promise.reject(new Error('forgotten'));")).toContain('forgotten');
  });

  test('fails when it does not end in time', async () => {
    expect(await run('setInterval(() => {}, 1000);', 500)).toContain('did not end within 500 ms');
  });

  test('is fine once it listens, wherever it wanted to, and is ended then', async () => {
    const code = `import { createServer } from 'node:http';
      const server = createServer((request, response) => response.end('mine'));
      await new Promise((done) => server.listen(3000, '0.0.0.0', done));
      const answer = await fetch('http://localhost:3000/');
      if (server.address().address !== '127.0.0.1') throw new Error('reachable from outside');
      if ((await answer.text()) !== 'mine') throw new Error('not its own');
      setInterval(() => {}, 1000);`;

    expect(await run(code)).toBeNull();
  });

  test('fails when something goes wrong while it listens', async () => {
    const code = `import { createServer } from 'node:http';
      createServer().listen({ port: 3000 }, () => { throw new Error('broken app'); });`;

    expect(await run(code)).toContain('broken app');
  });
});

test('an error of the compiler is told with its place in the document', async () => {
  const markdown = [
    '```ts',
    "import { snippetsOf } from '@ezthrottle/testkit/snippets';",
    'export const all = snippetsOf(await Promise.resolve(""));',
    '```',
    '',
    '```ts type-only',
    'const fine = 1;',
    "const wrong: number = 'text' + fine;",
    '```',
    '',
    '```js',
    'Math.rond(1);',
    '```',
  ];
  const files = snippetFilesOf([documentOf(markdown.join('\n'))]);
  try {
    writeSnippetFiles(files);
    const problems = await typeCheck(files);

    expect(files.map(({ runs }) => runs)).toEqual([true, false, true]);
    expect(files.map(({ file }) => problems.get(file)?.join() ?? '')).toEqual([
      '',
      expect.stringMatching(/^docs\/sample\.md:8 TS2322: /),
      expect.stringMatching(/^docs\/sample\.md:12 TS2551: /),
    ]);
  } finally {
    removeSnippetFiles(files);
  }
}, 120_000);

describe('a shell block', () => {
  function blockOf(code: string): ShellBlock {
    const [block] = shellBlocksOf([documentOf(`\`\`\`sh\n${code}\n\`\`\``)]);
    if (block === undefined) throw new Error('no block');
    return block;
  }

  test('is sorted into scripts, calls of the server, and the rest, which is named', () => {
    const call = 'curl -X POST "$EZTHROTTLE_URL/jobs" \\\n  -d "{}"';
    const assigned = 'id=$(curl -s ${EZTHROTTLE_URL}/jobs)';
    const rest = ['npm install @ezthrottle/core', 'curl https://example.com', 'pnpm add x'];
    const scripts = [
      'npm test -- --only lint',
      'npm run demo',
      'npm run --silent size',
      'pnpm bench',
    ];
    const block = blockOf([...scripts, call, assigned, ...rest].join('\n'));

    expect(block).toMatchObject({
      scripts: ['test', 'demo', 'size', 'bench'],
      calls: [call, assigned],
      notRun: rest,
    });
    expect(missingScripts(block)).toEqual([]);
  });

  test('a script that nobody has is missed', () => {
    expect(missingScripts(blockOf('npm run demo\nnpm run dmeo'))).toEqual(['dmeo']);
  });

  test('calls run in order in one shell, and an error of the server is a failure', async () => {
    const environment = { EZTHROTTLE_URL: upstream.origin };
    const block = blockOf('path=$(curl "$EZTHROTTLE_URL/a")\ncurl "$EZTHROTTLE_URL/b" -d "$path"');

    expect(await runCalls(block, environment)).toBeNull();
    expect(upstream.requests.map(({ path, body }) => path + body)).toEqual([
      '/a',
      '/b{"from":"upstream"}',
    ]);

    upstream.script({ status: 422, body: { error: 'wrong' } });
    expect(await runCalls(block, environment)).toContain('422');
  });
});

test('a job for a host under example.com succeeds on this machine, its delivery too', async () => {
  await using server = await startDevServer(upstream.origin);
  const file = join(folder, 'submit.mts');
  const job = {
    url: 'https://api.example.com/charge',
    webhooks: [{ url: 'https://app.example.com/hook' }],
  };
  writeFileSync(
    file,
    `const answer = await fetch(process.env.EZTHROTTLE_URL + '/api/v1/jobs', {
       method: 'POST',
       headers: {
         authorization: 'Bearer ' + process.env.EZTHROTTLE_API_KEY,
         'content-type': 'application/json',
       },
       body: ${JSON.stringify(JSON.stringify(job))},
     });
     if (!answer.ok) throw new Error(await answer.text());`,
  );
  const environment = { EZTHROTTLE_URL: server.url, EZTHROTTLE_API_KEY: server.apiKey };

  expect(await runSnippet(file, { environment, upstream: upstream.origin })).toBeNull();
  const requests = await upstream.waitFor(2);
  expect(requests.map(({ path }) => path)).toEqual(['/charge', '/hook']);
  expect(JSON.parse(requests[1]?.body ?? '')).toMatchObject({ status: 'success' });
});
