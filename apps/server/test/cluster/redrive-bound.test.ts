import { createUpstream } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import { startPostgres } from '../../../../scripts/services/postgres.ts';
import { expectBoundOfWhatIsSent } from '../redrive-bound.ts';
import { startServer } from '../running-server.ts';
import { temporarySchema } from '../temporary-postgres-store.ts';

test('on PostgreSQL, max_items bounds what a redrive sends, however much it passes over', async () => {
  expect.hasAssertions();
  await using postgres = await startPostgres();
  await using place = await temporarySchema(postgres.url);
  await using target = await createUpstream();
  const server = await startServer({
    rate: [`${target.origin}=2000`],
    'database-url': place.url,
    'database-schema': place.schema,
  });
  try {
    await expectBoundOfWhatIsSent(server, target);
  } finally {
    await server.close();
  }
}, 120_000);
