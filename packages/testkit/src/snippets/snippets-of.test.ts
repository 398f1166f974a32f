import { expect, test } from 'vitest';
import { snippetsOf } from './snippets-of.ts';

test('a block comes with its language, its code, its line and the heading above it', () => {
  const markdown = ['# Title', '', 'Text.', '', '```ts', "const a = 'b';", '', 'f(a);', '```'];

  expect(snippetsOf(markdown.join('\n'))).toEqual([
    { language: 'ts', code: "const a = 'b';\n\nf(a);", line: 6, attributes: [], name: 'Title' },
  ]);
});

test('what follows the language are attributes, and a heading may hold code itself', () => {
  const markdown = '## Use `close()`\n\n```TS type-only  later\nclose();\n```\n';

  expect(snippetsOf(markdown)).toEqual([
    {
      language: 'ts',
      code: 'close();',
      line: 4,
      attributes: ['type-only', 'later'],
      name: 'Use close()',
    },
  ]);
});

test('a block without a language or a heading is one too', () => {
  expect(snippetsOf('~~~\nplain\n~~~\n')).toEqual([
    { language: '', code: 'plain', line: 2, attributes: [] },
  ]);
});

test('a block in a list loses the indentation of the list', () => {
  const markdown = '1. First:\n\n   ```sh\n   npm test\n     indented\n   ```\n';

  expect(snippetsOf(markdown)).toEqual([
    { language: 'sh', code: 'npm test\n  indented', line: 4, attributes: [] },
  ]);
});

test('an indented block begins on its own first line', () => {
  expect(snippetsOf('Text:\n\n    indented\n')).toEqual([
    { language: '', code: 'indented', line: 3, attributes: [] },
  ]);
});

test('a fence inside a longer fence is text of the outer block', () => {
  const [outer, ...others] = snippetsOf('````md\n```ts\nlet a;\n```\n````\n');

  expect(outer).toMatchObject({ language: 'md', code: '```ts\nlet a;\n```', line: 2 });
  expect(others).toEqual([]);
});

test('lines are counted the same with Windows line ends', () => {
  expect(snippetsOf('a\r\n\r\n```js\r\nf();\r\n```\r\n')).toMatchObject([
    { language: 'js', code: 'f();', line: 4 },
  ]);
});
