import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { objectOf, textOf } from '../running-server.ts';

/** The command as people start it, from the sources; the benchmarks give the built one. */
const FROM_SOURCE: readonly string[] = [
  '--conditions=@ezthrottle/source',
  fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url)),
];

/** A folder and its keys: what stays the same when the process does not. */
export interface ServerPlace {
  readonly folder: string;
  readonly apiKey: string;
  readonly masterKey: string;
  readonly signingSecret: string;
  /** The file of settings. */
  readonly configFile: string;
  /** Arguments of Node before the command's own. */
  readonly program: readonly string[];
}

export interface ServerProcess {
  readonly url: string;
  /** Of the server itself, whatever was put before it. */
  readonly processId: number;
  /** What it said on stderr so far. */
  readonly said: () => string;
  /** Resolves when it has ended, with its code, or with the signal that ended it. */
  readonly ended: Promise<number | string>;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface PlaceOptions {
  readonly folder: string;
  /** As in the file of settings, beside folder, keys and port. */
  readonly settings?: object;
  readonly program?: readonly string[];
}

/** Writes the settings of a server that has not been started yet. */
export function serverPlace({
  folder,
  settings = {},
  program = FROM_SOURCE,
}: PlaceOptions): ServerPlace {
  const apiKey = `ezt_proof_${randomBytes(24).toString('base64url')}`;
  const masterKey = randomBytes(32).toString('base64');
  const signingSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const configFile = join(folder, 'config.json');
  const config = {
    host: '127.0.0.1',
    port: 0,
    dataDir: folder,
    apiKey,
    masterKey,
    signingSecret,
    allowLoopbackTargets: true,
    logLevel: 'error',
    ...settings,
  };
  writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
  return { folder, apiKey, masterKey, signingSecret, configFile, program };
}

/**
 * Starts a process that is not waited for: it may be killed before it is ready.
 *
 * @param before A program with its arguments that starts the server, for example a tracer. Default: none.
 */
export function spawnServer(place: ServerPlace, before: readonly string[] = []): StartingServer {
  const line = [
    process.execPath,
    ...place.program,
    'start',
    '--json',
    '--config',
    place.configFile,
  ];
  const [program = '', ...words] = [...before, ...line];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  return new StartingServer(child, before.length > 0);
}

export class StartingServer {
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #isWrapped: boolean;
  #said = '';
  /** The server's own, when another program stands before it. */
  #processId: number | null;

  constructor(child: ChildProcess, isWrapped: boolean) {
    this.#child = child;
    this.#isWrapped = isWrapped;
    this.#processId = isWrapped ? null : (child.pid ?? null);
    this.ended = once(child, 'exit').then(([code, signal]) => Number(code ?? NaN) || (signal ?? 0));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = `${this.#said}${text}`.slice(-20_000);
    });
  }

  /** @throws Error with its last words, when it ends before it is ready. */
  async ready(): Promise<ServerProcess> {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('the output of the server is not read');
    const line = once(createInterface({ input: stdout }), 'line').then(([text]) => String(text));
    const text = await Promise.race([line, this.ended.then(() => null)]);
    if (text === null) throw new Error(`the server did not start: ${this.#said}`);
    const facts = objectOf(JSON.parse(text));
    const processId = Number(facts['pid']);
    this.#processId = processId;
    return {
      url: textOf(facts['url']),
      processId,
      said: () => this.#said,
      ended: this.ended,
      kill: () => this.kill(),
      stop: () => this.#end('SIGTERM'),
    };
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      // A tracer outlives a signal of its own only to leave the server behind.
      if (this.#isWrapped && this.#processId !== null) process.kill(this.#processId, signal);
      else this.#child.kill(signal);
    }
    await this.ended;
  }
}

export function headersOf({ apiKey }: Pick<ServerPlace, 'apiKey'>): Record<string, string> {
  return { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
}
