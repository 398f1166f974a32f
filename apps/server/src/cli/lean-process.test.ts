import { expect, test } from 'vitest';
import { leanStart } from './lean-process.ts';

const START = {
  execArgv: ['--enable-source-maps'],
  scriptArgv: ['/app/main.js', 'start', '--port', '80'],
  environment: { PATH: '/bin', UNSET: undefined },
};

test('a server is started with bounds on what V8 and the C library keep for themselves', () => {
  expect(leanStart(START)).toEqual({
    argv: [
      '--max-semi-space-size=8',
      '--heap-growing-percent=200',
      '--enable-source-maps',
      '/app/main.js',
      'start',
      '--port',
      '80',
    ],
    environment: { PATH: '/bin', MALLOC_ARENA_MAX: '2' },
  });
});

test('one that was started so is not started again', () => {
  const lean = leanStart(START);
  const execArgv = lean?.argv.slice(0, 3) ?? [];
  expect(leanStart({ ...START, execArgv })).toBeNull();
});

test.each([
  { execArgv: ['--max-semi-space-size=64'] },
  { execArgv: ['--max_semi_space_size=64'] },
  { environment: { NODE_OPTIONS: '--max-semi-space-size=64' } },
])('what an operator has chosen stands: %j', (chosen) => {
  expect(leanStart({ ...START, ...chosen })).toBeNull();
});

test('so does the number of areas of the C library', () => {
  const lean = leanStart({ ...START, environment: { MALLOC_ARENA_MAX: '7' } });
  expect(lean?.environment).toEqual({ MALLOC_ARENA_MAX: '7' });
});
