import { createUpstream, type Upstream, type UpstreamScript } from '@ezthrottle/testkit';
import { Client } from 'pg';
import { hashApiKey } from '../../src/tenancy/api-keys.ts';
import { type RunningServer, startServer } from '../running-server.ts';
import { type TemporarySchema, temporarySchema } from '../temporary-postgres-store.ts';

/** A server on PostgreSQL, a target, and a table of the application's own. */
export interface InboxServer extends AsyncDisposable {
  readonly server: RunningServer;
  readonly place: TemporarySchema;
  readonly target: Upstream;
  /** A connection of the application's; its tables are looked up in the schema. */
  connect(): Promise<Client>;
  /** Submits within the transaction that the client is in; gives the ids. */
  submit(client: Client, ...jobs: readonly object[]): Promise<readonly string[]>;
  /** Another server on the same database. */
  startAnother(flags?: Readonly<Record<string, unknown>>): Promise<RunningServer>;
}

export async function openInboxServer(
  databaseUrl: string,
  flags: Readonly<Record<string, unknown>> = {},
  script?: UpstreamScript,
): Promise<InboxServer> {
  const place = await temporarySchema(databaseUrl);
  await place.query('CREATE TABLE orders (id integer PRIMARY KEY)');
  const target = await createUpstream(script);
  const { 'database-url': through = databaseUrl } = flags;
  const start = (more: Readonly<Record<string, unknown>> = {}): Promise<RunningServer> =>
    startServer({
      'database-url': through,
      'database-schema': place.schema,
      'database-inbox': '25ms',
      rate: `${target.origin}=1000`,
      ...more,
    });
  const server = await start(flags);
  const clients: Client[] = [];
  const others: RunningServer[] = [];
  return {
    server,
    place,
    target,
    async connect() {
      const client = new Client({ connectionString: databaseUrl });
      // A test may cut it off.
      client.on('error', () => {});
      await client.connect();
      await client.query(`SET search_path TO "${place.schema}"`);
      clients.push(client);
      return client;
    },
    async submit(client, ...jobs) {
      const { rows } = await client.query<{ job_id: string }>(
        'SELECT job_id FROM submit_v1($1, $2)',
        [hashApiKey(server.apiKey), JSON.stringify(jobs)],
      );
      return rows.map(({ job_id: id }) => id);
    },
    async startAnother(more = flags) {
      const other = await start(more);
      others.push(other);
      return other;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client.end();
      for (const other of others) await other.close();
      await server.close();
      await target.close();
      await place[Symbol.asyncDispose]();
    },
  };
}
