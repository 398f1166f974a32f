// Every row of the list has a test that is named after it, in one of the files beside this one.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Rows in which the server has a part: stubs cannot show those alone. */
const OF_THE_SERVER = [
  1, 2, 3, 4, 5, 11, 12, 13, 16, 17, 18, 20, 24, 25, 26, 29, 31, 32, 33, 34, 35,
];

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'));

function rowsOf(names: readonly string[]): readonly number[] {
  const text = names.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8')).join();
  const rows = [...text.matchAll(/'row (\d+): /g)].map(([, row]) => Number(row));
  return [...new Set(rows)].toSorted((one, other) => one - other);
}

it('each of the 35 rows has a test that is named after it', () => {
  expect(rowsOf(files)).toEqual(Array.from({ length: 35 }, (_, index) => index + 1));
});

it('each row in which the server has a part is tried against a server, too', () => {
  const withServer = files.filter((name) => name.endsWith('-server.test.ts'));
  expect(rowsOf(withServer)).toEqual(OF_THE_SERVER);
});
