import { Client } from 'pg';
import type { Clock } from '@ezthrottle/engine';
import type { PeerTransport } from '../../cluster/peer-news.ts';
import type { Database } from './database.ts';
import { StoreUnavailableError } from '../store-unavailable-error.ts';

export interface NotifyTransportOptions {
  /** A direct connection: it listens for as long as it lives. */
  readonly listenUrl: string;
  /** Sends, outside of the transactions that carry data. */
  readonly database: Database;
  readonly clock: Pick<Clock, 'after'>;
}

/** Between two tries to listen, in milliseconds. */
const RETRY_MS = 1_000;

/** Carries texts between nodes by LISTEN and NOTIFY. Without a connection nothing arrives, and nothing fails. */
export async function createNotifyTransport(
  options: NotifyTransportOptions,
): Promise<PeerTransport> {
  const transport = new NotifyTransport(options);
  await transport.open();
  return transport;
}

class NotifyTransport implements PeerTransport {
  readonly #options: NotifyTransportOptions;
  readonly #channel: string;
  #client: Client | null = null;
  #listener: (text: string) => void = () => undefined;
  #stopTimer: (() => void) | null = null;
  #obstacle: string | null = null;
  #isClosed = false;

  constructor(options: NotifyTransportOptions) {
    this.#options = options;
    this.#channel = `ezthrottle_${options.database.schema}`.slice(0, 63);
  }

  async open(): Promise<void> {
    const { listenUrl } = this.#options;
    const client = new Client({
      connectionString: listenUrl,
      application_name: 'ezthrottle listen',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    client.on('error', () => undefined);
    client.on('end', () => this.#again(client));
    client.on('notification', ({ payload }) => this.#listener(payload ?? ''));
    this.#client = client;
    try {
      await client.connect();
      await client.query(`LISTEN "${this.#channel}"`);
      this.#obstacle = null;
    } catch (error) {
      this.#obstacle = new StoreUnavailableError(error).reason;
      this.#again(client);
    }
  }

  async listenAnew(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.#stopTimer?.();
    client?.end().catch(() => undefined);
    if (!this.#isClosed) await this.open();
  }

  obstacle(): string | null {
    return this.#obstacle;
  }

  onText(listener: (text: string) => void): void {
    this.#listener = listener;
  }

  async send(texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      await this.#options.database.query('SELECT pg_notify($1, $2)', [this.#channel, text]);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer?.();
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  #again(client: Client): void {
    if (this.#isClosed || this.#client !== client) return;
    this.#client = null;
    client.end().catch(() => undefined);
    this.#stopTimer = this.#options.clock.after(RETRY_MS, () => void this.open());
  }
}
