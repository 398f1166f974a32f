import { globSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Snippet, snippetsOf } from '@ezthrottle/testkit/snippets';
import { root, type TriedDocument } from './documents.ts';

/** A block of JavaScript or TypeScript, as a file of the package that its document belongs to. */
export interface SnippetFile {
  readonly document: TriedDocument;
  readonly snippet: Snippet;
  /** Absolute path. */
  readonly file: string;
  /** False when its author says that it can only be type-checked. */
  readonly runs: boolean;
}

const EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ['ts', 'ts'],
  ['typescript', 'ts'],
  ['mts', 'ts'],
  ['js', 'js'],
  ['javascript', 'js'],
  ['mjs', 'js'],
  ['cjs', 'cjs'],
]);

/** Of this process alone, so that two runs at once do not see each other's files. */
const FOLDER = `.cache/snippets-${process.pid}`;

/** Where this run keeps what it needs for itself; git does not see it. */
export const workFolder: string = join(root, FOLDER);

/** The files that the blocks of some documents become; nothing is written yet. */
export function snippetFilesOf(documents: readonly TriedDocument[]): SnippetFile[] {
  return documents.flatMap((document) =>
    snippetsOf(document.markdown).flatMap((snippet) => {
      const extension = EXTENSIONS.get(snippet.language);
      if (extension === undefined) return [];
      const name = `${document.path.replaceAll('/', '-')}-${snippet.line}.${extension}`;
      const file = join(root, document.packageFolder, FOLDER, name);
      return [{ document, snippet, file, runs: !snippet.attributes.includes('type-only') }];
    }),
  );
}

/** @param placeholders What a reader puts in the place of a word, such as of `your_api_key`. */
export function writeSnippetFiles(
  files: readonly SnippetFile[],
  placeholders: Readonly<Record<string, string>> = {},
): void {
  removeLeftovers();
  mkdirSync(workFolder, { recursive: true });
  for (const { file, snippet } of files) {
    mkdirSync(dirname(file), { recursive: true });
    const code = Object.entries(placeholders).reduce(
      (text, [word, value]) => text.replaceAll(word, value),
      snippet.code,
    );
    writeFileSync(file, `${code}\n`);
  }
}

export function removeSnippetFiles(files: readonly SnippetFile[]): void {
  const folders = new Set([workFolder, ...files.map(({ file }) => dirname(file))]);
  for (const folder of folders) {
    rmSync(folder, { recursive: true, force: true });
    removeIfEmpty(dirname(folder));
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Others keep something there.
  }
}

/** Folders of runs that were killed before they could tidy up. */
function removeLeftovers(): void {
  const folders = ['', 'bench/', 'packages/*/', 'apps/*/', 'apps/examples/*/'];
  const patterns = folders.map((folder) => `${folder}.cache/snippets-*`);
  for (const path of globSync(patterns, { cwd: root })) {
    const id = Number(path.slice(path.lastIndexOf('-') + 1));
    if (!isRunning(id)) rmSync(join(root, path), { recursive: true, force: true });
  }
}

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
