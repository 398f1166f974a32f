import { expect, test } from 'vitest';
import { databaseErrorOf } from './database-error.ts';

const raised = Object.assign(new Error('no such key'), { code: 'ZT001' });

test.each([
  ['pg and postgres', raised],
  ['Drizzle', Object.assign(new Error('Failed query'), { cause: raised })],
  [
    'Prisma',
    Object.assign(new Error('Raw query failed'), {
      code: 'P2010',
      meta: {
        driverAdapterError: {
          cause: { kind: 'postgres', originalCode: 'ZT001', originalMessage: 'no such key' },
        },
      },
    }),
  ],
])('what the database has raised is found in an error of %s', (_, error) => {
  expect(databaseErrorOf(error)).toEqual({ code: 'ZT001', message: 'no such key' });
});

test.each([
  ['no error', undefined],
  ['an error of the network', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })],
  ['an error of Prisma’s own', Object.assign(new Error('timed out'), { code: 'P2028' })],
])('%s is none of the database', (_, error) => {
  expect(databaseErrorOf(error)).toBeNull();
});

test('errors that are each other’s cause come to an end', () => {
  const one = new Error('one');
  const other = new Error('other', { cause: one });
  one.cause = other;
  expect(databaseErrorOf(one)).toBeNull();
});
