import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { objectOf, type Reply, request, textOf } from '../running-server.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** One real process of a cluster. */
export interface NodeProcess {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it has said on stderr. */
  readonly said: () => string;
  /** A request with the API key. */
  call(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Reply>;
  /** Sends a signal and, unless it is one to go on with, waits for the end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Real processes on one PostgreSQL, with keys that all of them know. */
export interface Cluster extends AsyncDisposable {
  readonly database: PostgresService;
  readonly apiKey: string;
  readonly signingSecret: string;
  readonly nodes: readonly NodeProcess[];
  /** One more. `imported`: what it imports before anything else. */
  start(flags?: readonly string[], imported?: string): Promise<NodeProcess>;
}

export async function startCluster(
  count: number,
  options: {
    readonly flags?: readonly string[];
    readonly settings?: Readonly<Record<string, string>>;
    /** What `node` runs. Default: the sources. */
    readonly program?: readonly string[];
  } = {},
): Promise<Cluster> {
  await using resources = new AsyncDisposableStack();
  const database = resources.use(
    await startPostgres({ settings: { max_connections: '200', ...options.settings } }),
  );
  const apiKey = `test_${randomBytes(16).toString('hex')}`;
  const signingSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const environment = {
    ...process.env,
    DATABASE_URL: database.url,
    EZTHROTTLE_API_KEY: apiKey,
    EZTHROTTLE_MASTER_KEY: randomBytes(32).toString('base64'),
    EZTHROTTLE_SIGNING_SECRET: signingSecret,
    EZTHROTTLE_ALLOW_LOOPBACK_TARGETS: 'true',
    EZTHROTTLE_HOST: '127.0.0.1',
  };
  const nodes: NodeProcess[] = [];
  resources.defer(async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
  });
  const start = async (flags: readonly string[] = [], imported?: string): Promise<NodeProcess> => {
    const program = options.program ?? ['--conditions=@ezthrottle/source', MAIN];
    const before = imported === undefined ? [] : ['--import', imported];
    const line = [
      ...before,
      ...program,
      'start',
      '--json',
      '--port',
      '0',
      ...(options.flags ?? []),
      ...flags,
    ];
    const node = await startNode(line, environment, apiKey);
    nodes.push(node);
    return node;
  };
  await Promise.all(Array.from({ length: count }, () => start()));
  const rest = resources.move();
  return {
    database,
    apiKey,
    signingSecret,
    nodes,
    start,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

async function startNode(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  apiKey: string,
): Promise<NodeProcess> {
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a node has ended with ${code}: ${said}`);
  });
  const lines = createInterface(child.stdout);
  const [line] = await Promise.race([once(lines, 'line'), ended]);
  ended.catch(() => undefined);
  let url = textOf(objectOf(JSON.parse(String(line)))['url']);
  // One that begins anew listens elsewhere.
  lines.on('line', (next) => {
    url = textOf(objectOf(JSON.parse(next))['url']);
  });
  return {
    get url() {
      return url;
    },
    process: child,
    said: () => said,
    call: (method, path, body, signal) =>
      request(`${url}${path}`, method, body, { authorization: `Bearer ${apiKey}` }, signal),
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const over = once(child, 'exit');
      // A process that was stopped hears nothing else.
      child.kill('SIGCONT');
      child.kill(signal);
      await over;
    },
  };
}
