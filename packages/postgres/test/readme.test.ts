import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { snippetsOf } from '@ezthrottle/testkit/snippets';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresService, startPostgres } from '../../../scripts/services/postgres.ts';
import { type Application, openApplication } from './application.ts';
import { runToEnd } from './run-to-end.ts';

const README = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
const FOLDER = join(import.meta.dirname, `../.cache/readme-${process.pid}`);
const snippets = snippetsOf(README).filter(({ language }) => language === 'ts');

let postgres: PostgresService;
let application: Application;

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  postgres = await startPostgres();
  application = await openApplication(postgres.url);
  await application.startNode();
}, 180_000);

afterAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  await application?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

test('the code of the README places orders with their jobs', async () => {
  for (const { code, line } of snippets) {
    const file = join(FOLDER, `line-${line}.ts`);
    // What it calls, and where it is told of it, is a target of the test.
    writeFileSync(file, code.replaceAll(/https:\/\/\w+\.example\.com/g, application.target.origin));
    const environment = { DATABASE_URL: application.url, EZTHROTTLE_API_KEY: application.apiKey };
    expect(await runToEnd(file, environment)).toEqual({ exitCode: 0, errors: '' });
  }
  await application.target.waitFor(6);
  await application.drained();

  const orders = await application.query('SELECT id FROM orders ORDER BY id');
  expect(orders.map(({ id }) => id)).toEqual([42, 43, 44, 45, 46]);
  expect(application.target.requests.map(({ path }) => path).sort()).toEqual([
    '/shipments',
    '/shipments/43',
    '/shipments/44',
    '/shipments/45',
    '/shipments/46',
    '/webhooks',
  ]);
});

test('the statements of the README give a role what it needs', async () => {
  const [grants] = snippetsOf(README).filter(({ language }) => language === 'sql');
  const role = `app_${process.pid}`;
  await application.query(`CREATE ROLE ${role}`);
  try {
    await application.query((grants?.code ?? '').replaceAll(/\bapp;/g, `${role};`));
    const [rights] = await application.query(
      `SELECT has_function_privilege($1, 'ezthrottle.submit_v1(text, text)', 'EXECUTE') AS may_submit,
         has_table_privilege($1, 'ezthrottle.inbox', 'SELECT, INSERT') AS may_read`,
      [role],
    );
    expect(rights).toEqual({ may_submit: true, may_read: false });
  } finally {
    await application.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});
