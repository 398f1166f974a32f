import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { anchorsOf, linksOf } from '@ezthrottle/testkit/snippets';
import { expect, test } from 'vitest';
import { allDocuments, type Document, root } from './readme/documents.ts';

test.each(allDocuments().map((document) => [document.path, document] as const))(
  'every relative link of %s leads somewhere',
  (_, document) => {
    expect(brokenLinks(document)).toEqual([]);
  },
);

function brokenLinks({ path, markdown }: Document): string[] {
  return linksOf(markdown)
    .filter(({ target }) => !/^([a-z][a-z\d+.-]*:|\/\/)/i.test(target))
    .flatMap(({ target, line }) => {
      const problem = problemOf(path, target);
      return problem === null ? [] : [`${path}:${line} ${target} ${problem}`];
    });
}

function problemOf(path: string, target: string): string | null {
  const [address = '', anchor = ''] = target.split('#', 2);
  const [file = ''] = address.split('?', 1);
  const linked = file === '' ? join(root, path) : join(root, dirname(path), decodeURI(file));
  if (!existsSync(linked)) return 'does not exist';
  if (anchor === '' || !linked.endsWith('.md') || statSync(linked).isDirectory()) return null;
  return anchorsOf(readFileSync(linked, 'utf8')).has(decodeURI(anchor))
    ? null
    : 'names no heading of that file';
}
