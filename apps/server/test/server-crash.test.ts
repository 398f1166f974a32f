import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createUpstream, type RecordedRequest, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { objectOf, request, textOf } from './running-server.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const JOBS = 600;
const KILLS = 4;

let folder: string;
let target: Upstream;
let webhook: Upstream;
let server: Server | null;

interface Server {
  readonly process: ChildProcess;
  readonly url: string;
  readonly apiKey: string;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-crash-'));
  target = await createUpstream({ status: 200, body: 'done', delayMs: 30 });
  webhook = await createUpstream({ status: 200 });
  server = null;
});

afterEach(async () => {
  if (server !== null) await kill(server);
  await Promise.all([target.close(), webhook.close()]);
  rmSync(folder, { recursive: true, force: true });
});

async function start(port: string): Promise<Server> {
  const flags = ['--json', '--port', port, '--data-dir', folder, '--rate', `${target.origin}=500`];
  const child = spawn(
    process.execPath,
    ['--conditions=@ezthrottle/source', MAIN, 'dev', ...flags],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const [line] = await once(createInterface(child.stdout), 'line');
  const facts = objectOf(JSON.parse(String(line)));
  return { process: child, url: textOf(facts['url']), apiKey: textOf(facts['apiKey']) };
}

async function kill(running: Server): Promise<void> {
  if (running.process.exitCode !== null || running.process.signalCode !== null) return;
  const ended = once(running.process, 'exit');
  running.process.kill('SIGKILL');
  await ended;
}

/** Submits one job; null when the server went away before it answered. */
async function submit(running: Server, number: number): Promise<string | null> {
  const body = {
    url: target.url(`/job/${number}`),
    idempotent_key: `job-${number}`,
    webhooks: [{ url: webhook.url('/hook') }],
  };
  try {
    const authorization = `Bearer ${running.apiKey}`;
    const reply = await request(`${running.url}/api/v1/jobs`, 'POST', body, { authorization });
    expect([200, 201]).toContain(reply.status);
    return textOf(reply.json['job_id']);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function deliveredJobs(requests: readonly RecordedRequest[]): ReadonlySet<string> {
  return new Set(requests.map(({ body }) => textOf(objectOf(JSON.parse(body))['job_id'])));
}

test(`of ${JOBS} jobs accepted while the server is killed ${KILLS} times, every one is delivered`, async () => {
  server = await start('0');
  const port = new URL(server.url).port;
  const accepted = new Set<string>();
  const killAfter = JOBS / (KILLS + 1);
  let killed = 0;

  for (let number = 0; number < JOBS; ) {
    const running: Server = server;
    const numbers = Array.from({ length: Math.min(25, JOBS - number) }, (_, n) => number + n);
    const answers = Promise.all(numbers.map((each) => submit(running, each)));
    if (killed < KILLS && number >= killAfter * (killed + 1)) {
      killed += 1;
      // The calls of earlier batches are under way, this batch is on its way in.
      await target.waitFor(target.requests.length + 1);
      await kill(running);
      for (const id of await answers) if (id !== null) accepted.add(id);
      server = await start(port);
      continue; // The same keys again: what had been accepted is answered with the first job.
    }
    for (const id of await answers) if (id !== null) accepted.add(id);
    number += numbers.length;
  }

  await webhook.waitFor((requests) => deliveredJobs(requests).size >= accepted.size, 90_000);
  expect(killed).toBe(KILLS);
  expect(accepted.size).toBe(JOBS);
  expect([...accepted].filter((id) => !deliveredJobs(webhook.requests).has(id))).toEqual([]);
  const attempts = target.requests.map(
    ({ headers }) => `${headers['x-ezthrottle-job-id']} ${headers['x-ezthrottle-attempt']}`,
  );
  expect(new Set(attempts).size).toBe(attempts.length);
  const authorization = `Bearer ${server.apiKey}`;
  const page = await request(
    `${server.url}/api/v1/jobs?state=completed&limit=1`,
    'GET',
    undefined,
    {
      authorization,
    },
  );
  expect(page.status).toBe(200);
  const health = await request(`${server.url}/health`, 'GET');
  expect(health.status).toBe(200);
}, 120_000);
