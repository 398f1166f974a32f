import { type CommandProcess, startCommand } from './command-process.ts';
import type { DemoServer, ServerFacts } from './demo-server.ts';

/** The server as a user would start it: `ezthrottle dev` on a data directory. */
export class ServerProcess implements DemoServer {
  readonly #dataDir: string;
  #process: CommandProcess | null = null;
  #facts: ServerFacts | null = null;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  get facts(): ServerFacts {
    if (this.#facts === null) throw new Error('the server has not been started');
    return this.#facts;
  }

  async start(): Promise<void> {
    const port = this.#facts === null ? '0' : new URL(this.#facts.url).port;
    const place = ['--port', port, '--data-dir', this.#dataDir];
    this.#process = await startCommand(['dev', '--json', ...place, '--log-level', 'warn']);
    const { url, apiKey, signingSecret } = this.#process.said;
    this.#facts = {
      url: String(url),
      apiKey: String(apiKey),
      signingSecret: String(signingSecret),
      data: this.#dataDir,
    };
  }

  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  recover(): Promise<void> {
    return this.start();
  }

  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM');
  }
}
