import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type {
  AdapterSubject,
  AdapterSubjectOptions,
  RunningAdapter,
} from '@ezthrottle/testkit/adapter-suite';
import type { RemoteStart } from '../../packages/hono/test/runtimes/remote-suite.ts';
import { parsers } from '../../packages/hono/test/suite-app.ts';
import type { RuntimeProgram } from '../../scripts/services/runtimes.ts';
import { startWorkerd } from './workerd.ts';

const sources = join(import.meta.dirname, '../../packages/hono/test/runtimes');

/** The suite's host, in a process of another runtime. */
export interface RemoteHost {
  readonly origin: string;
  readonly end: () => Promise<void>;
}

/** Bundles the suite's host for a runtime and has it served there. */
export async function serveRemoteHono(
  program: RuntimeProgram,
  folder: string,
): Promise<RemoteHost> {
  const file = await bundleRemoteHono(program.kind, folder);
  if (program.kind !== 'workerd') return serveFile(program, file);
  const config = join(folder, 'hono.capnp');
  writeFileSync(config, WORKER_CONFIG);
  const worker = await startWorkerd(program.path, config);
  return { origin: worker.origin, end: async () => worker[Symbol.asyncDispose]() };
}

/** As its users bundle an app for this kind of runtime; gives the file. */
export async function bundleRemoteHono(
  kind: RuntimeProgram['kind'],
  folder: string,
): Promise<string> {
  const name = kind === 'workerd' ? 'worker' : `serve-${kind}`;
  const file = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(sources, `${name}.ts`)],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: kind === 'workerd' ? 'neutral' : 'node',
    mainFields: ['module', 'main'],
    conditions: ['@ezthrottle/source', ...(kind === 'workerd' ? ['workerd'] : [])],
    target: 'es2022',
    logLevel: 'silent',
  });
  return file;
}

/** The flag is for the suite's gates, which one request opens for another; no adapter needs it. */
const WORKER_CONFIG = `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "2025-09-01",
  compatibilityFlags = ["no_handle_cross_request_promise_resolution"],
);
`;

async function serveFile(program: RuntimeProgram, file: string): Promise<RemoteHost> {
  const before =
    program.kind === 'deno' ? ['run', '--no-prompt', '--no-lock', '--allow-net=127.0.0.1'] : [];
  const child = spawn(program.path, [...before, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], DENO_NO_UPDATE_CHECK: '1' },
  });
  const end = (): Promise<void> => endProcess(child);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const { port }: { port: number } = JSON.parse(line);
      return { origin: `http://127.0.0.1:${port}`, end };
    }
    throw new Error(`${program.name} does not serve`);
  } catch (error) {
    await end();
    throw error;
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** The suite's subject: its app runs over there, and so does the receiver that is asked about itself. */
export function remoteSubject(name: string, host: () => RemoteHost): AdapterSubject {
  return { name, parsers, start: (options) => startRun(host().origin, options) };
}

async function startRun(
  origin: string,
  { settings, prefix, parser }: AdapterSubjectOptions,
): Promise<RunningAdapter> {
  const start: RemoteStart = {
    settings,
    ...(prefix === undefined ? {} : { prefix }),
    ...(parser === undefined ? {} : { parser }),
  };
  const { number }: { number: number } = await post(`${origin}/runs`, start);
  const base = `${origin}${prefix ?? ''}`;
  return {
    url: `${base}/hook`,
    echoUrl: `${base}/echo`,
    async ask(question) {
      const reply: { answer: unknown } = await post(`${origin}/ask/${number}/${question}`, {});
      return reply.answer;
    },
    // It ends with the host.
    close: () => Promise.resolve(),
  };
}

async function post<Reply>(url: string, body: object): Promise<Reply>;
async function post(url: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body), headers });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
