import { describe, expect, test } from 'vitest';
import { readArguments } from './arguments.ts';

function lineOf(...argv: readonly string[]): unknown {
  const read = readArguments(argv);
  return read.ok ? read.line : read.problems.map(({ where }) => where);
}

describe('the command line', () => {
  test('takes flags with and without an equals sign, switches, and lists', () => {
    expect(
      lineOf(
        'dev',
        '--port=0',
        '--data-dir',
        'd',
        '--json',
        '--rate',
        'https://a=1',
        '--rate',
        'https://b=2',
      ),
    ).toEqual({
      command: 'dev',
      word: null,
      flags: { port: '0', 'data-dir': 'd', rate: ['https://a=1', 'https://b=2'] },
      json: true,
      dryRun: false,
      retry: null,
      configFile: null,
    });
  });

  test('takes regions one by one, or as one list', () => {
    expect(lineOf('start', '--region', 'iad', '--regions', 'fra,lax')).toMatchObject({
      flags: { region: ['iad', 'fra,lax'] },
    });
  });

  test('turns a switch off with --no-', () => {
    expect(lineOf('dev', '--no-allow-loopback-targets')).toMatchObject({
      flags: { 'allow-loopback-targets': false },
    });
  });

  test('names everything that it does not understand, at once', () => {
    expect(lineOf('serve', 'now', '--colour', '--port', '1', '--port', '2', '--json=1')).toEqual([
      '--colour',
      '--port',
      '--json',
      '"serve"',
      '"now"',
    ]);
    expect(lineOf('dev', '--port')).toEqual(['--port']);
  });

  test('takes the word that belongs to a command, and no other', () => {
    expect(lineOf('config')).toMatchObject({ command: 'config', word: null });
    expect(lineOf('config', 'dev')).toMatchObject({ command: 'config', word: 'dev' });
    expect(lineOf('config', 'test', 'dev')).toEqual(['"test"', '"dev"']);
    expect(lineOf('dev', 'start')).toEqual(['"start"']);
  });

  test('shows the help when nothing is asked, or when it is', () => {
    expect(lineOf()).toMatchObject({ command: 'help' });
    expect(lineOf('dev', '-h')).toMatchObject({ command: 'help' });
    expect(lineOf('--version')).toMatchObject({ command: 'version' });
  });
});
