import { Client } from 'pg';

/** By column name, each value as PostgreSQL writes it. */
export type ProbeRow = Readonly<Record<string, string | null>>;

/** One connection that looks at a database from outside of the store: as it is, without the store's habits. */
export interface Probe {
  /** What this side was told of its session when it connected. A pooler tells its own number. */
  readonly announcedProcessId: number | null;
  query(sql: string, values?: readonly unknown[]): Promise<readonly ProbeRow[]>;
  /** As `query`, with a statement that the server is to keep under this name. */
  named(name: string, sql: string, values: readonly unknown[]): Promise<readonly ProbeRow[]>;
  /** Resolves with the next notification's payload, or null when none comes in time. */
  notified(timeoutMs: number): Promise<string | null>;
  close(): Promise<void>;
}

export interface ProbeOptions {
  readonly url: string;
  /** Default 10 000. */
  readonly connectTimeoutMs?: number;
  /** A statement that takes longer is given up. Default 30 000. */
  readonly queryTimeoutMs?: number;
}

/** @throws Error of the driver, or of the system, when there is no connection to be had. */
export async function openProbe(options: ProbeOptions): Promise<Probe> {
  const client = new Client({
    connectionString: options.url,
    application_name: 'ezthrottle doctor',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    query_timeout: options.queryTimeoutMs ?? 30_000,
    types: { getTypeParser: () => asWritten },
  });
  // Whoever waits for a statement is told; without a listener the process would end.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return {
    announcedProcessId: processIdOf(client),
    async query(sql, values = []) {
      return (await client.query(sql, [...values])).rows;
    },
    async named(name, text, values) {
      return (await client.query({ name, text, values: [...values] })).rows;
    },
    notified(timeoutMs) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => finish(null), timeoutMs);
        const heard = ({ payload }: { payload?: string | undefined }): void =>
          finish(payload ?? '');
        function finish(payload: string | null): void {
          clearTimeout(timer);
          client.off('notification', heard);
          resolve(payload);
        }
        client.on('notification', heard);
      });
    },
    async close() {
      await client.end().catch(() => undefined);
    },
  };
}

/** The driver's types leave it out. */
function processIdOf(client: Client): number | null {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : null;
}

function asWritten(value: string): string {
  return value;
}
