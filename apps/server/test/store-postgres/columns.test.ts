import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { Columns, unnested } from '../../src/store/postgres/columns.ts';
import { Database } from '../../src/store/postgres/database.ts';

const SHAPE = {
  small: 'int2',
  middle: 'int4',
  large: 'int8',
  yes: 'bool',
  words: 'text',
  bytes: 'bytea',
  id: 'uuid',
} as const;

let postgres: PostgresService;
let database: Database;

beforeAll(async () => {
  postgres = await startPostgres();
  database = new Database({ url: postgres.url });
}, 180_000);

afterAll(async () => {
  await database.close();
  await postgres[Symbol.asyncDispose]();
});

const orNull = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> =>
  fc.option(value, { nil: null });

const row = fc.record({
  small: orNull(fc.integer({ min: -32_768, max: 32_767 })),
  middle: orNull(fc.integer()),
  large: orNull(fc.maxSafeInteger()),
  yes: orNull(fc.boolean()),
  words: orNull(fc.string({ unit: 'grapheme' })),
  bytes: orNull(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
  id: orNull(fc.uuid()),
});

it('rows arrive in the database as they were added, whatever they hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
      const columns = new Columns(SHAPE);
      for (const each of rows) columns.add(each);
      const sql = `SELECT * FROM ${unnested('rows', SHAPE)}`;
      expect(await database.query(sql, columns.values())).toEqual(rows);
    }),
    { numRuns: 60 },
  );
});

it('a value that its column cannot hold is refused, and leaves nothing', () => {
  const shape = { words: 'text', large: 'int8', small: 'int2', id: 'uuid' } as const;
  const columns = new Columns(shape);
  const good = { words: 'a', large: 1, small: 1, id: null };
  columns.add(good);
  for (const bad of [
    { ...good, words: 'a\u0000b' },
    { ...good, large: Number.NaN },
    { ...good, large: 2 ** 53 },
    { ...good, small: 40_000 },
    { ...good, id: '00000000-0000-7000-8000-00000000000G' },
  ]) {
    expect(() => columns.add(bad)).toThrow(expect.objectContaining({ code: 'rejected' }));
  }
  columns.add({ ...good, words: 'b' });
  expect(columns.length).toBe(2);
});
