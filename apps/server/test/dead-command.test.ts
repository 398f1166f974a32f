// `ezthrottle dead` as an operator types it, against a running server.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, textOf, until } from './running-server.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
let server: RunningServer;
let target: Upstream;
let isBroken = true;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function dead(...words: readonly string[]): Promise<Ran> {
  const environment = { EZTHROTTLE_URL: server.url, EZTHROTTLE_API_KEY: server.apiKey };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--conditions=@ezthrottle/source', MAIN, 'dead', ...words],
      { env: { ...process.env, ...environment } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

async function deadJob(path: string): Promise<string> {
  const url = target.url(path);
  const reply = await server.call('POST', '/api/v1/jobs', { url, tags: ['cli'] });
  const id = textOf(reply.json['job_id']);
  await until(
    () => server.call('GET', `/api/v1/jobs/${id}`),
    ({ json }) => json['ended_at'] !== null,
  );
  return id;
}

beforeAll(async () => {
  target = await createUpstream(() => ({ status: isBroken ? 400 : 200 }));
  server = await startServer({ rate: [`${target.origin}=1000`] });
});

afterAll(async () => {
  await server.close();
  await target.close();
});

test('what is dead is listed, shown and sent again from the command line', async () => {
  const id = await deadJob('/one');
  const listed = await dead('list', '--tag', 'cli', '--reasons', 'target_refused');
  expect([listed.code, listed.stderr]).toEqual([0, '']);
  expect(listed.stdout).toContain(id);
  expect(listed.stdout).toContain('status_400');
  const shown = await dead('show', id);
  expect(shown.stdout).toMatch(/attempt 1 .*response .*400/);
  isBroken = false;
  const sent = await dead('replay', id, '--reason', 'well again', '--actor', 'ada', '--json');
  expect(objectOf(JSON.parse(sent.stdout))).toMatchObject({ redrive_of: id });
  const { json } = await server.call('GET', `/api/v1/audit-log?target=${id}`);
  expect(json['entries']).toMatchObject([{ actor: 'ada', reason: 'well again' }]);
});

test('many are counted first, then sent again, and waited for', async () => {
  isBroken = true;
  for (const path of ['/a', '/b', '/c']) await deadJob(path);
  const filter = ['--tag', 'cli', '--destination', target.origin, '--ended-from', '2026-01-01'];
  const dry = await dead('redrive', '--reason', 'a look', ...filter, '--dry-run');
  expect(dry.stdout).toMatch(/^dead +3\n/);
  isBroken = false;
  const done = await dead('redrive', '--reason', 'well', ...filter, '--rate', '100', '--wait');
  expect(done.stdout).toContain('completed');
  expect(done.stdout).toMatch(/succeeded +3/);
  expect(done.code).toBe(0);
  const after = await dead('redrive', '--reason', 'a look', ...filter, '--dry-run');
  expect(after.stdout).toMatch(/^dead +0\nleft out: already +4\n/);
});

test('what is wrong with a command is told, all of it, with code 2', async () => {
  const wrong = await dead('redrive', '--rate', 'fast', '--ended-from', 'soon', '--nonsense');
  expect(wrong.code).toBe(2);
  for (const part of ['--rate', '--ended-from', '--nonsense', '--reason is missing']) {
    expect(wrong.stderr).toContain(part);
  }
  expect((await dead('bury')).stderr).toContain('is not a command');
  const unknown = await dead('show', '00000000-0000-7000-8000-000000000000');
  expect([unknown.code, unknown.stdout]).toEqual([1, '']);
  const refused = await dead('list', '--api-key', 'wrong');
  expect(refused.stderr).toContain('401');
});
