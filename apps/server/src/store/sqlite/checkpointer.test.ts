import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Checkpointer } from './checkpointer.ts';
import { openConnection } from './connection.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-checkpoint-'));
  file = join(folder, 'store.db');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('copies the log into the database without the connection that writes it', async () => {
  const connection = openConnection({ file });
  connection.execute('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)');
  const insert = connection.prepare('INSERT INTO notes (text) VALUES (?)');
  for (let count = 0; count < 200; count += 1) insert.run('x'.repeat(1_000));
  const before = statSync(file).size;
  const checkpointer = new Checkpointer(file);
  checkpointer.committed(1_000);
  await vi.waitFor(() => expect(statSync(file).size).toBeGreaterThan(before + 200_000), 5_000);
  await checkpointer.close();
  expect(connection.prepare('SELECT count(*) AS notes FROM notes').get()).toEqual({ notes: 200 });
  connection.close();
});

it('gives up without harm when the file cannot be opened', async () => {
  const checkpointer = new Checkpointer(join(folder, 'missing', 'store.db'));
  checkpointer.committed(1_000);
  await checkpointer.close();
  checkpointer.committed(1_000);
});
