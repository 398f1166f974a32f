import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { Client, Pool } from 'pg';
import { type SourceProgram, startProgram } from '../../core/test/source-program.ts';

const MAIN = join(import.meta.dirname, '../../../apps/server/src/cli/main.ts');

/** A database with a table of the application's own, and nodes that work on it. */
export interface Application extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly target: Upstream;
  /** Runs a statement outside of every transaction of the test. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Starts a node as a process of its own. */
  startNode(): Promise<SourceProgram>;
  /** The ids of those of the jobs that the server knows. */
  knownJobs(ids: readonly string[]): Promise<readonly string[]>;
  /** Until nothing is left in the inbox. */
  drained(): Promise<void>;
}

/** @param serverUrl A PostgreSQL, in which a database is made for the application, and dropped afterwards. */
export async function openApplication(serverUrl: string): Promise<Application> {
  const name = `application_${randomBytes(6).toString('hex')}`;
  const apiKey = `key_${randomBytes(16).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const asOwner = async (statement: string): Promise<void> => {
    const owner = new Client({ connectionString: serverUrl });
    await owner.connect();
    try {
      await owner.query(statement);
    } finally {
      await owner.end();
    }
  };
  await asOwner(`CREATE DATABASE ${name}`);
  // A pool, which connects anew after the database was away.
  const client = new Pool({ connectionString: url.href, max: 1 });
  client.on('error', () => {});
  await client.query('CREATE TABLE orders (id integer PRIMARY KEY)');
  const target = await createUpstream();
  const folders: string[] = [];
  const masterKey = randomBytes(32).toString('base64');
  const nodes: SourceProgram[] = [];

  const query: Application['query'] = async (text, values = []) =>
    (await client.query(text, [...values])).rows;
  const application: Application = {
    url: url.href,
    apiKey,
    target,
    query,
    async startNode() {
      const keys = ['--api-key', apiKey, '--master-key', masterKey];
      const settings = ['--port', '0', '--log-level', 'silent', ...keys];
      const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-postgres-'));
      folders.push(folder);
      const database = ['--database-url', url.href, '--database-inbox', '20ms'];
      const rate = ['--rate', `${target.origin}=1000`];
      const args = ['dev', '--json', ...settings, ...database, ...rate];
      const node = await startProgram(MAIN, args, folder);
      nodes.push(node);
      return node;
    },
    async knownJobs(ids) {
      const rows = await query(
        'SELECT public_id AS id FROM ezthrottle.jobs WHERE public_id = ANY($1)',
        [ids],
      );
      return rows.map(({ id }) => String(id));
    },
    async drained() {
      while ((await query('SELECT FROM ezthrottle.inbox LIMIT 1')).length > 0) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node.kill();
      await target.close();
      await client.end();
      await asOwner(`DROP DATABASE ${name} WITH (FORCE)`);
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
  };
  return application;
}
