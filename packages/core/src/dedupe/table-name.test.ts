import { describe, expect, it } from 'vitest';
import { postgresDedupeSql } from './postgres.ts';
import { partsOfTableName } from './table-name.ts';

describe('the name of a table', () => {
  it.each([
    ['dedupe', 1, ['dedupe']],
    ['_Dedupe_2', 1, ['_Dedupe_2']],
    ['app.dedupe', 2, ['app', 'dedupe']],
  ] as const)('may be %s', (table, mostParts, parts) => {
    expect(partsOfTableName(table, mostParts)).toEqual(parts);
  });

  it.each([
    ['', 2],
    ['a.b.c', 2],
    ['a.b', 1],
    ['a.', 2],
    ['2a', 1],
    ['a"; DROP TABLE b; --', 2],
    ['x'.repeat(64), 1],
  ] as const)('may not be %j', (table, mostParts) => {
    expect(() => partsOfTableName(table, mostParts)).toThrow(/^table must be a name of at most 63/);
  });

  it('stands quoted in the statements for a migration', () => {
    expect(postgresDedupeSql('app.Dedupe')).toContain(
      'CREATE TABLE IF NOT EXISTS "app"."Dedupe" (',
    );
    expect(postgresDedupeSql('app.Dedupe')).toContain('"Dedupe_expires_at" ON "app"."Dedupe"');
  });
});
