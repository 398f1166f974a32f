import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { root } from './documents.ts';
import { type SnippetFile, workFolder } from './snippet-files.ts';

const TIMEOUT_MS = 120_000;
const DIAGNOSTIC = /^(?<file>[^\s(][^(]*)\((?<line>\d+),\d+\): error (?<message>.*)$/;

/**
 * Checks all blocks in one run of the compiler, as strictly as our own sources.
 *
 * @returns what is wrong per file, each with its place in the document; files without errors are absent.
 */
export async function typeCheck(
  files: readonly SnippetFile[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const project = join(workFolder, 'tsconfig.json');
  writeFileSync(project, JSON.stringify(projectOf(files)));
  const output = await compile(project);
  const byPath = new Map(files.map((each) => [each.file, each]));
  const problems = new Map<string, string[]>();
  let last: string[] | null = null;
  for (const line of output.split('\n')) {
    const { file = '', line: at, message } = DIAGNOSTIC.exec(line)?.groups ?? {};
    const source = byPath.get(resolve(root, file));
    if (at !== undefined) {
      // Errors in our own sources are reported where those are checked.
      last = source === undefined ? null : (problems.get(source.file) ?? []);
      if (source === undefined || last === null) continue;
      const place = `${source.document.path}:${source.snippet.line + Number(at) - 1}`;
      problems.set(source.file, last);
      last.push(`${place} ${message}`);
    } else if (line.startsWith('error TS')) {
      throw new Error(`the compiler did not check the blocks: ${line}`);
    } else if (/^\s/.test(line) && last !== null) {
      last.push(line);
    }
  }
  return problems;
}

function projectOf(files: readonly SnippetFile[]): object {
  return {
    extends: relative(workFolder, join(root, 'tsconfig.base.json')),
    compilerOptions: {
      allowJs: true,
      checkJs: true,
      noEmit: true,
      // How we write our own declarations, not how a user writes.
      declaration: false,
      isolatedDeclarations: false,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
    files: files.map(({ file }) => file),
  };
}

function compile(project: string): Promise<string> {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  const command = [join(dirname(manifest), 'bin/tsc'), '-p', project, '--pretty', 'false'];
  const options = { cwd: root, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 };
  return new Promise((done, fail) => {
    execFile(process.execPath, command, options, (error, stdout, stderr) => {
      // It ends with 1 or 2 when it found errors, which its output names.
      const didCheck = error === null || (typeof error.code === 'number' && stdout !== '');
      if (didCheck) done(stdout);
      else fail(new Error(`tsc did not run: ${error.message}\n${stderr}`));
    });
  });
}
