import { describe, expect, test } from 'vitest';
import { type Config, readConfig } from '../config.ts';
import { takenOver } from './take-over.ts';

function configOf(content: object): Config {
  return readConfig('dev', { file: { path: 'settings.json', content } });
}

describe('a configuration that is read anew', () => {
  test('changes the pace of the origins that differ, and nothing of those that do not', () => {
    const before = configOf({ rates: { 'https://a.example': 1, 'https://b.example': 2 } });
    const after = configOf({ rates: { 'https://b.example': 2, 'https://c.example': 3 } });
    const { config, origins, left } = takenOver(before, after);
    expect(origins.toSorted()).toEqual(['https://a.example', 'https://c.example']);
    expect(config.rates).toEqual(after.rates);
    expect(left).toEqual([]);
  });

  test('names what waits for the next start, and leaves it as it is', () => {
    const before = configOf({});
    const { config, left } = takenOver(before, configOf({ port: 9, logLevel: 'debug' }));
    expect(left).toEqual(['port']);
    expect(config.port).toBe(before.port);
    expect(config.logLevel).toBe('debug');
  });
});
