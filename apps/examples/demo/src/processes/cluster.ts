import { randomBytes } from 'node:crypto';
import { type PostgresService, startPostgres } from '../../../../../scripts/services/postgres.ts';
import { type CommandProcess, startCommand } from './command-process.ts';
import type { DemoServer, ServerFacts } from './demo-server.ts';
import { LoadBalancer } from './load-balancer.ts';

const NODES = 3;

/** Three nodes on a PostgreSQL of their own, behind one address. A node that is killed stays away. */
export class ClusterServer implements DemoServer {
  readonly #balancer = new LoadBalancer();
  readonly #apiKey = `demo_${randomBytes(24).toString('base64url')}`;
  readonly #signingSecret = `whsec_${randomBytes(32).toString('base64')}`;
  readonly #masterKey = randomBytes(32).toString('base64');
  #database: PostgresService | null = null;
  #nodes: CommandProcess[] = [];

  get facts(): ServerFacts {
    return {
      url: this.#balancer.url,
      apiKey: this.#apiKey,
      signingSecret: this.#signingSecret,
      data: this.#database?.url ?? 'nowhere',
    };
  }

  async start(): Promise<void> {
    const database = await startPostgres();
    this.#database = database;
    const environment = {
      DATABASE_URL: database.url,
      EZTHROTTLE_API_KEY: this.#apiKey,
      EZTHROTTLE_MASTER_KEY: this.#masterKey,
      EZTHROTTLE_SIGNING_SECRET: this.#signingSecret,
      EZTHROTTLE_HOST: '127.0.0.1',
      EZTHROTTLE_PORT: '0',
      EZTHROTTLE_ALLOW_LOOPBACK_TARGETS: 'true',
      EZTHROTTLE_LOG_LEVEL: 'error',
    };
    this.#nodes = await Promise.all(
      Array.from({ length: NODES }, () => startCommand(['start', '--json'], environment)),
    );
    await this.#balancer.listen();
    this.#lead();
  }

  async kill(): Promise<void> {
    const busy = await Promise.all(
      this.#nodes.map(async (node) => ({ node, calls: await callsInFlight(node) })),
    );
    const [victim] = busy.toSorted((one, other) => other.calls - one.calls);
    if (victim === undefined) return;
    this.#nodes = this.#nodes.filter((node) => node !== victim.node);
    this.#lead();
    await victim.node.end('SIGKILL');
  }

  async recover(): Promise<void> {
    // The others take over what it had.
  }

  async stop(): Promise<void> {
    this.#balancer.close();
    await Promise.all(this.#nodes.map((node) => node.end('SIGTERM')));
    await this.#database?.[Symbol.asyncDispose]();
  }

  #lead(): void {
    this.#balancer.lead(this.#nodes.map(({ said }) => String(said['url'])));
  }
}

async function callsInFlight({ said }: CommandProcess): Promise<number> {
  const health = await fetch(`${String(said['url'])}/health`);
  const { calls_in_flight: calls }: { readonly calls_in_flight: number } = JSON.parse(
    await health.text(),
  );
  return calls;
}
