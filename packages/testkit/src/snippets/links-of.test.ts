import { expect, test } from 'vitest';
import { anchorsOf, linksOf } from './links-of.ts';

test('links, images and definitions are found with their lines, also in tables', () => {
  const markdown = [
    'See [one](docs/one.md#part) and ![two](two.png).',
    '',
    '| a | b |',
    '| --- | --- |',
    '| [three](three.md) | [four][4] |',
    '',
    '[4]: <four five.md>',
  ];

  expect(linksOf(markdown.join('\n'))).toEqual([
    { target: 'docs/one.md#part', line: 1 },
    { target: 'two.png', line: 1 },
    { target: 'three.md', line: 5 },
    { target: 'four five.md', line: 7 },
  ]);
});

test('what looks like a link in code is none', () => {
  expect(linksOf('`[a](b.md)`\n\n```ts\nlist[0](call)\n```\n')).toEqual([]);
});

test('anchors are those that the headings get on GitHub, repeated ones numbered', () => {
  expect([...anchorsOf('# How it flows\n\n## `dev` & start\n\n## Use\n\n## Use\n')]).toEqual([
    'how-it-flows',
    'dev--start',
    'use',
    'use-1',
  ]);
});
