import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const SOURCES = join(import.meta.dirname, '../src');
const GUIDE = join(import.meta.dirname, '../../../docs/guides/operations.md');

const CALL = /(?:[lL]og(?:ger)?)\??\.(debug|info|warn|error)\(\s*\{\s*(?:event: '([a-z_]+)')?/g;

/** Every call of a logger in the sources, with its level and the event that it names. */
function logCalls(): readonly { file: string; level: string; event: string | undefined }[] {
  const files = globSync('**/*.ts', { cwd: SOURCES }).filter((file) => !file.endsWith('.test.ts'));
  return files.flatMap((file) =>
    [...readFileSync(join(SOURCES, file), 'utf8').matchAll(CALL)].map(([, level = '', event]) => {
      return { file, level, event };
    }),
  );
}

describe('the log', () => {
  test('names an event in each of its lines', () => {
    const calls = logCalls();
    expect(calls.length).toBeGreaterThan(20);
    expect(calls.filter(({ event }) => event === undefined)).toEqual([]);
  });

  test('has every event in the guide, with its level, and no other', () => {
    const [, table = ''] = readFileSync(GUIDE, 'utf8').split('| `event` | level |');
    const rows = table.split('\n\n', 1).join('').split('\n').slice(2);
    const told = rows.flatMap((row) => {
      const [, events = '', level = ''] = row.split('|').map((cell) => cell.trim());
      return events.split(', ').map((event) => `${level} ${event.replaceAll('`', '')}`);
    });
    const written = new Set(logCalls().map(({ level, event }) => `${level} ${event}`));
    expect(new Set(told)).toEqual(written);
  });
});
