// Checks the store over bun:sqlite, in Bun, over two handles of one file; prints the verdicts.
import { sqliteDedupe, type SqliteDatabase } from '@ezthrottle/core/dedupe/sqlite';
import { checkAll } from './check-all.ts';

interface BunSqlite {
  readonly Database: new (path: string) => SqliteDatabase;
}

// Not a static import: only Bun knows the module, and no types of it are here.
const name = 'bun:sqlite';
const { Database }: BunSqlite = await import(name);
const path = `${import.meta.dirname}/bun.db`;
const stores = [1, 2].map(() => sqliteDedupe(new Database(path)));
let next = 0;

const verdicts = await checkAll(() => {
  next += 1;
  const store = stores[next % stores.length];
  if (store === undefined) throw new Error('no store is open');
  return store;
});
console.log(JSON.stringify(verdicts));
