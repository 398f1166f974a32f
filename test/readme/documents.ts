import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder that holds the whole repository. */
export const root: string = join(import.meta.dirname, '../..');

/** A Markdown file of the repository. */
export interface Document {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly markdown: string;
}

/** A document whose code blocks are tried. */
export interface TriedDocument extends Document {
  /** Folder of the package as whose user its blocks are read, relative to the root. */
  readonly packageFolder: string;
}

const TRIED = [
  'README.md',
  '{packages,apps}/*/README.md',
  'apps/examples/*/README.md',
  'bench/README.md',
  'docs/guides/**/*.md',
];
/** Has what an application has: the SDK and a framework. */
const APPLICATION = 'apps/examples/demo';
const LEFT_OUT = new Set(['node_modules', 'dist', 'coverage']);

/** Every README and every guide. What belongs to no package is tried as part of an application. */
export function triedDocuments(): TriedDocument[] {
  return read(TRIED).map((document) => {
    const folder = dirname(document.path);
    const isOfPackage = folder !== '.' && !folder.startsWith('docs');
    return { ...document, packageFolder: isOfPackage ? folder : APPLICATION };
  });
}

/** Every Markdown file. */
export function allDocuments(): Document[] {
  return read(['**/*.md', '.changeset/*.md', '.github/**/*.md']);
}

function read(patterns: string[]): Document[] {
  const paths = globSync(patterns, { cwd: root, exclude: (path) => LEFT_OUT.has(nameOf(path)) });
  return [...new Set(paths)].sort().map((path) => ({
    path: path.replaceAll('\\', '/'),
    markdown: readFileSync(join(root, path), 'utf8'),
  }));
}

function nameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
