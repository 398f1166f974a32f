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

it('text is kept as its bytes, and bytes as a UUID, where columns hold these', async () => {
  const shape = { words: 'bytea', id: 'uuid' } as const;
  const pair = fc.tuple(
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(pair, { maxLength: 20 }), async (pairs) => {
      const columns = new Columns(shape);
      for (const [words, id] of pairs) columns.add({ words, id });
      const sql = `SELECT words, uuid_send(id) AS id FROM ${unnested('rows', shape)}`;
      expect(await database.query(sql, columns.values())).toEqual(
        pairs.map(([words, id]) => ({ words: Buffer.from(words), id: Buffer.from(id) })),
      );
    }),
    { numRuns: 30 },
  );
});

it('rows that are taken back leave no trace', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 9 }), fc.nat({ max: 9 }), async (rows, length) => {
      const columns = new Columns(SHAPE);
      for (const each of rows) columns.add(each);
      columns.cut(Math.min(length, rows.length));
      const again = rows.slice(0, 2);
      for (const each of again) columns.add(each);
      const sql = `SELECT * FROM ${unnested('rows', SHAPE)}`;
      const left = [...rows.slice(0, length), ...again];
      expect(await database.query(sql, columns.values())).toEqual(left);
    }),
    { numRuns: 30 },
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
    { ...good, id: Buffer.alloc(15) },
  ]) {
    expect(() => columns.add(bad)).toThrow(expect.objectContaining({ code: 'rejected' }));
  }
  columns.add({ ...good, words: 'b' });
  expect(columns.length).toBe(2);
});
