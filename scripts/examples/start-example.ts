import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runnableFile } from '../decorated.ts';
import { provideRuntime } from '../services/runtimes.ts';
import { startUntilReady, type ReadyProcess } from './example-process.ts';
import { prepareWorker } from './worker-config.ts';

export const EXAMPLES = ['express', 'fastify', 'hono', 'nestjs', 'worker'] as const;
export type ExampleName = (typeof EXAMPLES)[number];

export interface RunningExample extends AsyncDisposable {
  readonly origin: string;
}

type Variables = Readonly<Record<string, string>> & { readonly PORT: string };

const root = join(import.meta.dirname, '../..');
const SERVER = join(root, 'apps/server/src/cli/main.ts');
const FROM_SOURCE = '--conditions=@ezthrottle/source';

/** Starts a development server on an empty data folder, and the example beside it. */
export async function startExample(
  name: ExampleName,
  onLine: (line: string) => void,
): Promise<RunningExample> {
  await using started = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-example-'));
  started.defer(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  const server = await startUntilReady({
    program: process.execPath,
    arguments: [FROM_SOURCE, SERVER, 'dev', '--json', '--port', '0', '--data-dir', data],
    isReady: () => true,
  });
  started.defer(server.stop);
  const facts: { url: string; apiKey: string; signingSecret: string } = JSON.parse(server.line);
  const variables: Variables = {
    EZTHROTTLE_URL: facts.url,
    EZTHROTTLE_API_KEY: facts.apiKey,
    WEBHOOK_SECRET: facts.signingSecret,
    PORT: String(await freePort()),
  };
  const entry = join(root, 'apps/examples', name, 'src/main.ts');
  const app =
    name === 'worker'
      ? await startWorker(entry, folder, variables, onLine)
      : await startOnNode(entry, variables, onLine);
  started.defer(app.stop);
  const running = started.move();
  return {
    origin: `http://127.0.0.1:${variables.PORT}`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function startOnNode(
  entry: string,
  environment: Variables,
  onLine: (line: string) => void,
): Promise<ReadyProcess> {
  const compiled = join(entry, '../../.cache');
  mkdirSync(compiled, { recursive: true });
  return startUntilReady({
    program: process.execPath,
    arguments: [FROM_SOURCE, await runnableFile(entry, compiled)],
    environment,
    isReady: (line) => line.startsWith('listening'),
    onLine,
  });
}

async function startWorker(
  entry: string,
  folder: string,
  variables: Variables,
  onLine: (line: string) => void,
): Promise<ReadyProcess> {
  const { path } = await provideRuntime('workerd');
  const config = await prepareWorker(entry, folder, variables);
  return startUntilReady({
    program: path,
    arguments: ['serve', '--control-fd=1', config],
    isReady: (line) => line.includes('"event":"listen"'),
    onLine,
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      server.close(() => resolve(port));
    });
  });
}
