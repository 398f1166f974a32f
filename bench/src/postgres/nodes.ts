import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PostgresService } from '../../../scripts/services/postgres.ts';
import { cpuTimeMs } from '../cpu-time.ts';
import type { RunningSystem, Setting, System } from '../systems/system.ts';
import { placeOfKey } from '../work.ts';
import { ask, databaseTimeMs, startDatabase } from './database.ts';

const MANIFEST = import.meta.resolve('@ezthrottle/server/package.json');
/** The built command, as it is published. */
const COMMAND = fileURLToPath(new URL('./dist/cli/main.js', MANIFEST));
const STOP_MS = 15_000;
const SHARED_MS = 60_000;
/** So much more than any run reaches that pace never decides; the bound is `concurrency`. */
const UNBOUND_RATE = 1_000_000;
/** Beyond so many, each destination is called so rarely that a rule would decide nothing. */
const MOST_RULES = 1_000;

/** Nodes on one PostgreSQL, and what can be done to them. */
export interface RunningNodes extends RunningSystem {
  readonly database: PostgresService;
  /** How many slots each node holds, of the 1 024. */
  slots(): Promise<ReadonlyMap<string, number>>;
  /** Ends the first node without a word, and waits until its process is gone. */
  kill(): Promise<void>;
}

export interface NodesSystem extends System {
  start(setting: Setting): Promise<RunningNodes>;
}

/**
 * @param nodes Processes on the same database.
 * @param keys How many destinations jobs name, each with a rule of its own while they are few. Default 1.
 * @param profileFolder Where each node leaves a processor profile when it ends. Default: none.
 */
export function nodesOnPostgres(
  nodes: number,
  keys?: number,
  profileFolder: string | null = null,
): NodesSystem {
  return {
    name: nodes === 1 ? 'EZThrottle on PostgreSQL' : `EZThrottle, ${nodes} nodes`,
    async start(setting) {
      await using resources = new AsyncDisposableStack();
      const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-bench-'));
      resources.defer(() => rmSync(folder, { recursive: true, force: true }));
      const database = resources.use(await startDatabase());
      const apiKey = `ezt_bench_${randomBytes(24).toString('base64url')}`;
      const config = join(folder, 'config.json');
      const content = { ...configOf(setting, keys), databaseUrl: database.url, apiKey };
      writeFileSync(config, JSON.stringify(content), { mode: 0o600 });
      const profile =
        profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
      const processes: NodeProcess[] = [];
      for (let node = 0; node < nodes; node += 1) {
        processes.push(resources.use(await startNode(profile, config, folder)));
      }
      const slots = (): Promise<ReadonlyMap<string, number>> => slotsOf(database.url);
      await untilShared(slots, nodes);
      const processIds = processes.map(({ child }) => child.pid ?? 0);
      const [first, ...others] = processes;
      if (first === undefined) throw new Error('at least one node');
      const rest = resources.move();
      return {
        submitUrl: `${first.url}/api/v1/jobs`,
        otherUrls: others.map(({ url }) => `${url}/api/v1/jobs`),
        batchUrl: `${first.url}/api/v1/jobs/batch`,
        headers: { authorization: `Bearer ${apiKey}` },
        processIds,
        processorMs: () => {
          const ours = cpuTimeMs(processIds.filter((id) => isRunning(processes, id)));
          const its = databaseTimeMs(database);
          return ours === null || its === null ? null : ours + its;
        },
        description: `PostgreSQL ${database.version}, synced to disk before each answer`,
        database,
        slots,
        async kill() {
          const gone = once(first.child, 'exit');
          first.child.kill('SIGKILL');
          await gone;
        },
        [Symbol.asyncDispose]: () => rest.disposeAsync(),
      };
    },
  };
}

interface NodeProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly url: string;
}

function isRunning(processes: readonly NodeProcess[], id: number): boolean {
  return processes.some(
    ({ child }) => child.pid === id && child.exitCode === null && child.signalCode === null,
  );
}

async function startNode(
  flags: readonly string[],
  config: string,
  folder: string,
): Promise<NodeProcess> {
  const child = spawn(
    process.execPath,
    [...flags, COMMAND, 'start', '--json', '--config', config],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
  };
  const first = once(createInterface({ input: child.stdout }), 'line');
  const line = await Promise.race([first, exited.then(() => null)]);
  if (line === null) {
    throw new Error('a node did not start; `pnpm build` makes what is started here');
  }
  const { url }: { url: string } = JSON.parse(String(line[0]));
  return { child, url, [Symbol.asyncDispose]: end };
}

async function slotsOf(url: string): Promise<ReadonlyMap<string, number>> {
  const rows = await ask(
    url,
    'SELECT owner, count(*)::int AS held FROM ezthrottle.slots WHERE owner IS NOT NULL GROUP BY owner',
  );
  return new Map(rows.map(({ owner, held }) => [String(owner), Number(held)]));
}

async function untilShared(slots: RunningNodes['slots'], nodes: number): Promise<void> {
  const end = performance.now() + SHARED_MS;
  while (performance.now() < end) {
    const held = [...(await slots()).values()];
    const sum = held.reduce((total, each) => total + each, 0);
    if (held.length === nodes && sum === 1_024 && Math.min(...held) >= 0.8 * (1_024 / nodes))
      return;
    await pause(50);
  }
  throw new Error(`the nodes did not share the slots within ${SHARED_MS} ms`);
}

function configOf({ target, secret, concurrency }: Setting, keys: number | undefined): object {
  const rule = { requestsPerSecond: UNBOUND_RATE, burst: 1_000, concurrency };
  const named = Math.min(keys ?? 0, MOST_RULES);
  const origins =
    keys === undefined
      ? [target]
      : Array.from(
          { length: named },
          (_, key) => placeOfKey({ target, receiver: target }, key).target,
        );
  return {
    host: '127.0.0.1',
    port: 0,
    masterKey: randomBytes(32).toString('base64'),
    signingSecret: secret,
    allowLoopbackTargets: true,
    // Without a rule a destination starts at two requests per second: nearly all jobs wait.
    rates: concurrency === 0 ? {} : Object.fromEntries(origins.map((origin) => [origin, rule])),
    logLevel: 'warn',
  };
}
