import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EZThrottle } from '@ezthrottle/core';
import { ListeningProcess } from './processes/child-process.ts';
import { ClusterServer } from './processes/cluster.ts';
import type { DemoServer } from './processes/demo-server.ts';
import { ServerProcess } from './processes/server-process.ts';
import { Progress } from './report/progress.ts';
import type { SeenCall } from './target/call-log.ts';

/** One delivery as the app noted it. */
export interface ReceivedDelivery {
  readonly pid: number;
  readonly at: number;
  readonly jobId: string;
  readonly idempotentKey: string | null;
  readonly status: 'success' | 'failed';
  readonly statusCode: number | null;
  readonly path: number | null;
  readonly error: string | null;
  readonly attempt: number | null;
}

/** The processes of the demo and what a scenario may ask of them. */
export class World {
  readonly server: DemoServer;
  readonly target: ListeningProcess;
  /** Another API, with an address and so a pace of its own. */
  readonly limitedTarget: ListeningProcess;
  readonly app: ListeningProcess;
  /** A second receiver that is not running at first. */
  readonly spareApp: ListeningProcess;
  readonly client: EZThrottle;
  readonly progress: Progress;
  readonly #folder: string;

  private constructor(parts: {
    folder: string;
    server: DemoServer;
    target: ListeningProcess;
    limitedTarget: ListeningProcess;
    app: ListeningProcess;
    spareApp: ListeningProcess;
    progress: Progress;
  }) {
    this.#folder = parts.folder;
    this.server = parts.server;
    this.target = parts.target;
    this.limitedTarget = parts.limitedTarget;
    this.app = parts.app;
    this.spareApp = parts.spareApp;
    this.progress = parts.progress;
    const { url, apiKey, signingSecret } = parts.server.facts;
    this.client = new EZThrottle({ apiKey, baseUrl: url, webhookSecret: signingSecret });
  }

  /** @param isCluster Three nodes on a PostgreSQL instead of one process on a file. */
  static async start(write: (line: string) => void, isCluster: boolean): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'ezthrottle-demo-'));
    const server = isCluster ? new ClusterServer() : new ServerProcess(join(folder, 'data'));
    const api = new URL('./target/main.ts', import.meta.url);
    const target = new ListeningProcess(api, {});
    const limitedTarget = new ListeningProcess(api, {});
    await Promise.all([server.start(), target.start(), limitedTarget.start()]);
    const { url, apiKey, signingSecret } = server.facts;
    const environment = {
      EZTHROTTLE_URL: url,
      EZTHROTTLE_API_KEY: apiKey,
      WEBHOOK_SECRET: signingSecret,
      TARGET_URL: target.url,
    };
    const main = new URL('./app/main.ts', import.meta.url);
    const app = new ListeningProcess(main, environment);
    const spareApp = new ListeningProcess(main, environment);
    await Promise.all([app.start(), spareApp.start()]);
    await spareApp.kill();
    const progress = new Progress(url, apiKey, write);
    return new World({ folder, server, target, limitedTarget, app, spareApp, progress });
  }

  get webhook(): string {
    return `${this.app.url}/webhooks`;
  }

  /** What the target saw of a scenario, in order of arrival. */
  async calls(
    scenario: string,
    target: ListeningProcess = this.target,
  ): Promise<readonly SeenCall[]> {
    return readJson(`${target.url}/__calls/${scenario}`);
  }

  async received(app: ListeningProcess = this.app): Promise<readonly ReceivedDelivery[]> {
    return readJson(`${app.url}/__received`);
  }

  /** Waits for a delivery about this job (or key); null when none came in time. */
  async delivery(
    idOrKey: string,
    { app = this.app, withinMs = 15_000 }: { app?: ListeningProcess; withinMs?: number } = {},
  ): Promise<ReceivedDelivery | null> {
    const matches = (each: ReceivedDelivery): boolean =>
      each.jobId === idOrKey || each.idempotentKey === idOrKey;
    return this.eventually(async () => (await this.received(app)).find(matches) ?? null, withinMs);
  }

  /** Asks until there is an answer; null when the time is over. */
  async eventually<T>(ask: () => Promise<T | null>, withinMs: number): Promise<T | null> {
    const until = Date.now() + withinMs;
    for (;;) {
      const answer = await ask();
      if (answer !== null || Date.now() > until) return answer;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  async stop(): Promise<void> {
    this.progress.close();
    await Promise.all([
      this.server.stop(),
      this.target.kill(),
      this.limitedTarget.kill(),
      this.app.kill(),
      this.spareApp.kill(),
    ]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function readJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  return JSON.parse(await response.text());
}
