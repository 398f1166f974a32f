import { expect, test } from 'vitest';
import { shellCommandsOf } from './shell-commands-of.ts';

test('each line is a command, without the comments between them', () => {
  expect(shellCommandsOf('# first\nnpm install\n\n  npm test  # all of it\n')).toEqual([
    { text: 'npm install', line: 2 },
    { text: 'npm test  # all of it', line: 4 },
  ]);
});

test('a command goes on after a backslash', () => {
  expect(shellCommandsOf('curl -X POST \\\n  http://a \\\n  -d 1\nls')).toEqual([
    { text: 'curl -X POST \\\n  http://a \\\n  -d 1', line: 1 },
    { text: 'ls', line: 4 },
  ]);
});

test.each([
  ['single quotes', `echo '{\n  "a": 1\n}'`],
  ['double quotes', `echo "a\nb \\" c\n# no comment"`],
  ['a quote within the other', `echo "it's\n'" 'say "\n'`],
])('a command goes on inside %s', (_, text) => {
  expect(shellCommandsOf(`${text}\nls`)).toEqual([
    { text, line: 1 },
    { text: 'ls', line: text.split('\n').length + 1 },
  ]);
});

test('quotes in a comment, after a backslash, or a # inside a word open nothing', () => {
  const lines = ["ls # it's", "echo it\\'s", "echo a#b 'c'", 'echo "$(date)"'];

  expect(shellCommandsOf(lines.join('\n')).map(({ text }) => text)).toEqual(lines);
});

test('an open quote at the end stays visible', () => {
  expect(shellCommandsOf("echo 'open\nls")).toEqual([{ text: "echo 'open\nls", line: 1 }]);
});
