import { setTimeout as sleep } from 'node:timers/promises';
import { createChance } from '@ezthrottle/engine';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { Client } from 'pg';
import { objectOf, textOf } from '../running-server.ts';
import { type Cluster, type NodeProcess, startCluster } from './cluster.ts';

export type Fault = 'kill' | 'pause' | 'restart_database' | 'cut_connections' | 'stop';

export interface ChaosOptions {
  readonly seed: number;
  /** How long faults are made, in milliseconds. What they have left has as long again to end. */
  readonly forMs: number;
  /** From the end of one fault to the next, in milliseconds. */
  readonly faultEveryMs: number;
  /** How long a paused node stands still, in milliseconds. */
  readonly pauseMs: number;
  readonly faults: readonly Fault[];
  readonly nodes: number;
  /** Whether nodes tell each other what they write. */
  readonly notifies: boolean;
  /** Jobs per second that are submitted. */
  readonly submitsPerSecond: number;
  /** Calls per second that each of the three targets is to get. */
  readonly targetRate: number;
  readonly say?: (line: string) => void;
  /** What `node` runs. Default: the sources. */
  readonly program?: readonly string[];
}

export interface ChaosReport {
  readonly accepted: number;
  /** Accepted jobs that have not come to their end, or were never delivered. */
  readonly lost: readonly string[];
  /** Attempts (job and number) that reached their target more than once. */
  readonly sentTwice: readonly string[];
  /** Calls beyond one for each job: each is to stand in the history as an attempt of its own. */
  readonly repeats: number;
  /** Jobs with more calls than their history has attempts. */
  readonly unaccounted: readonly string[];
  readonly faults: Readonly<Record<Fault, number>>;
  /** The most calls that one target got within one second, of those that were to come at `targetRate`. */
  readonly mostInOneSecond: number;
}

/** Load on real processes while they are killed, stopped and cut off; then what has become of it all. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { forMs, notifies, submitsPerSecond, targetRate, say = () => undefined } = options;
  const random = createChance(options.seed);
  await using resources = new AsyncDisposableStack();
  const targets: Upstream[] = [];
  for (let count = 0; count < 3; count += 1) {
    const target = await createUpstream({ status: 200, body: 'done', delayMs: 20 });
    targets.push(target);
    resources.defer(() => target.close());
  }
  const webhook = await createUpstream({ status: 200 });
  resources.defer(() => webhook.close());
  const rates = targets.flatMap(({ origin }) => ['--rate', `${origin}=${targetRate}`]);
  const flags = [...rates, ...(notifies ? [] : ['--no-database-notify'])];
  const cluster = resources.use(
    await startCluster(options.nodes, {
      flags,
      ...(options.program !== undefined && { program: options.program }),
    }),
  );
  const alive = new Set<NodeProcess>(cluster.nodes);
  const paused = new Set<NodeProcess>();

  const accepted = new Set<string>();
  const until = Date.now() + forMs;
  const submitting = submitUntil(until, { alive, accepted, targets, webhook, submitsPerSecond });
  const faults = { kill: 0, pause: 0, restart_database: 0, cut_connections: 0, stop: 0 };
  while (Date.now() < until) {
    await sleep(options.faultEveryMs * (0.5 + random()));
    const fault = options.faults[Math.floor(random() * options.faults.length)] ?? 'kill';
    const victims = [...alive].filter((node) => !paused.has(node));
    const victim = victims[Math.floor(random() * victims.length)];
    faults[fault] += 1;
    say(`${fault} (${accepted.size} accepted, ${webhook.requests.length} delivered)`);
    if (fault === 'restart_database') await cluster.database.restart('immediate');
    else if (fault === 'cut_connections') await cutConnections(cluster.database.url);
    else if (victim !== undefined && victims.length > 1) {
      await strike(fault, victim, { cluster, alive, paused, pauseMs: options.pauseMs });
    }
  }
  await submitting;
  for (const node of paused) node.process.kill('SIGCONT');
  say(`waiting for ${accepted.size} jobs`);
  const lost = missingUntilDelivered(accepted, webhook);
  await webhook.waitFor(() => lost().size === 0, Math.max(60_000, forMs)).catch(() => undefined);
  return {
    accepted: accepted.size,
    lost: [...lost()],
    ...(await sends(targets, [...alive])),
    faults,
    mostInOneSecond: Math.max(...targets.map(mostInOneSecond)),
  };
}

/** Which of these jobs no delivery has told of yet. Each delivery is read once: there are tens of thousands. */
function missingUntilDelivered(
  jobs: ReadonlySet<string>,
  { requests }: Upstream,
): () => ReadonlySet<string> {
  const missing = new Set(jobs);
  let read = 0;
  return () => {
    for (const { body } of requests.slice(read)) {
      missing.delete(textOf(objectOf(JSON.parse(body))['job_id']));
    }
    read = requests.length;
    return missing;
  };
}

async function strike(
  fault: 'kill' | 'pause' | 'stop',
  victim: NodeProcess,
  parts: {
    readonly cluster: Cluster;
    readonly alive: Set<NodeProcess>;
    readonly paused: Set<NodeProcess>;
    readonly pauseMs: number;
  },
): Promise<void> {
  const { cluster, alive, paused, pauseMs } = parts;
  if (fault === 'pause') {
    paused.add(victim);
    victim.process.kill('SIGSTOP');
    setTimeout(() => {
      victim.process.kill('SIGCONT');
      paused.delete(victim);
    }, pauseMs);
    return;
  }
  alive.delete(victim);
  await victim.end(fault === 'kill' ? 'SIGKILL' : 'SIGTERM');
  alive.add(await cluster.start());
}

async function submitUntil(
  until: number,
  parts: {
    readonly alive: ReadonlySet<NodeProcess>;
    readonly accepted: Set<string>;
    readonly targets: readonly Upstream[];
    readonly webhook: Upstream;
    readonly submitsPerSecond: number;
  },
): Promise<void> {
  const { alive, accepted, targets, webhook, submitsPerSecond } = parts;
  const open = new Set<Promise<void>>();
  for (let number = 0; Date.now() < until; number += 1) {
    const target = targets[number % targets.length];
    const submit = async (): Promise<void> => {
      const body = {
        url: target?.url(`/job/${number}`),
        idempotent_key: `job-${number}`,
        webhooks: [{ url: webhook.url('/hook') }],
      };
      // As a client does: the same key again, wherever somebody answers.
      for (let tries = 0; Date.now() < until + 30_000; tries += 1) {
        const nodes = [...alive];
        const node = nodes[(number + tries) % nodes.length];
        const reply = await node
          ?.call('POST', '/api/v1/jobs', body, AbortSignal.timeout(5_000))
          .catch(() => null);
        if (reply?.status === 200 || reply?.status === 201) {
          accepted.add(textOf(reply.json['job_id']));
          return;
        }
        await sleep(200);
      }
    };
    const one = submit().finally(() => open.delete(one));
    open.add(one);
    await sleep(1_000 / submitsPerSecond);
  }
  await Promise.all(open);
}

async function cutConnections(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
  );
  await client.end();
}

async function sends(
  targets: readonly Upstream[],
  nodes: readonly NodeProcess[],
): Promise<Pick<ChaosReport, 'sentTwice' | 'repeats' | 'unaccounted'>> {
  const attempts = new Map<string, number>();
  const calls = new Map<string, number>();
  for (const { headers } of targets.flatMap(({ requests }) => requests)) {
    const job = String(headers['x-ezthrottle-job-id']);
    const attempt = `${job} ${String(headers['x-ezthrottle-attempt'])}`;
    attempts.set(attempt, (attempts.get(attempt) ?? 0) + 1);
    calls.set(job, (calls.get(job) ?? 0) + 1);
  }
  const repeated = [...calls].filter(([, count]) => count > 1);
  const unaccounted: string[] = [];
  for (const [job, count] of repeated) {
    const listed = await attemptsOf(nodes, job);
    if (listed < count) unaccounted.push(`${job}: ${count} calls, ${listed} attempts`);
  }
  return {
    sentTwice: [...attempts].filter(([, count]) => count > 1).map(([attempt]) => attempt),
    repeats: repeated.reduce((sum, [, count]) => sum + count - 1, 0),
    unaccounted,
  };
}

async function attemptsOf(nodes: readonly NodeProcess[], job: string): Promise<number> {
  for (const node of nodes) {
    const reply = await node.call('GET', `/api/v1/jobs/${job}`).catch(() => null);
    const attempts = reply?.status === 200 ? reply.json['attempts'] : undefined;
    if (Array.isArray(attempts)) return attempts.length;
  }
  return 0;
}

function mostInOneSecond({ requests }: Upstream): number {
  const times = requests.map(({ at }) => at);
  let [most, from] = [0, 0];
  for (const [index, at] of times.entries()) {
    while ((times[from] ?? at) <= at - 1_000) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
