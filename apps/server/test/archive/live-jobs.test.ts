import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { startServer, textOf } from '../running-server.ts';
import { temporarySchema } from '../temporary-postgres-store.ts';
import { command } from './archive-process.ts';

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

/** Counts calls by their path. */
async function startTarget() {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(request.url ?? '');
    response.end('done');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { calls, url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

it('jobs that wait go on in the database, and again on one machine, each called once', async () => {
  await using place = await temporarySchema(postgres.url);
  const target = await startTarget();
  const server = await startServer({ rate: [`${target.url}=3`] });
  const file = join(server.folder, 'ezthrottle.db');
  const database = ['--database-url', place.url, '--database-schema', place.schema];
  const carry = async (from: readonly string[], to: readonly string[]): Promise<void> => {
    const { code, out, err } = await command(['export', ...from]);
    expect([code, err]).toEqual([0, expect.stringContaining('exported')]);
    expect(await command(['import', ...to], {}, out)).toMatchObject({ code: 0 });
  };
  try {
    const ids: string[] = [];
    for (let number = 0; number < 12; number += 1) {
      const job = { url: `${target.url}/${number}` };
      ids.push(textOf((await server.call('POST', '/api/v1/jobs', job)).json['job_id']));
    }
    const folder = ['--data-dir', server.folder];
    const onDatabase = { 'database-url': place.url, 'database-schema': place.schema };
    await server.restart(() => carry(folder, database), onDatabase);
    const before = target.calls.length;
    expect(before).toBeLessThan(9);
    await vi.waitUntil(() => target.calls.length >= before + 2, { timeout: 10_000 });
    await server.restart(async () => {
      rmSync(file);
      await carry(database, folder);
    });
    await vi.waitUntil(() => target.calls.length >= 12, { timeout: 20_000 });
    for (const id of ids) {
      await vi.waitUntil(
        async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json['status'] === 'success',
        { timeout: 10_000 },
      );
    }
    const expected = Array.from({ length: 12 }, (_, number) => `/${number}`);
    expect(target.calls.toSorted()).toEqual(expected.toSorted());
  } finally {
    await server.close();
    target.close();
  }
}, 60_000);
