import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

const TIMEOUT_MS = 60_000;
const DECORATOR = /^\s*@[A-Z]\w*\(/m;
const FLAGS =
  '--ignoreConfig --noCheck --noResolve --verbatimModuleSyntax --experimentalDecorators ' +
  '--emitDecoratorMetadata --module nodenext --target es2023 --outDir';

/**
 * A file that Node can run. Types it strips by itself; decorators have to be compiled, as users of
 * frameworks with decorators have it done.
 *
 * @param folder Of the compiled file; it finds its packages from there. Default: beside the source.
 */
export async function runnableFile(file: string, folder: string = dirname(file)): Promise<string> {
  if (!file.endsWith('.ts') || !DECORATOR.test(readFileSync(file, 'utf8'))) return file;
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  const tsc = join(dirname(manifest), 'bin/tsc');
  await new Promise<void>((done) => {
    // It complains of what it does not resolve, and compiles all the same; types are checked elsewhere.
    const command = [tsc, ...FLAGS.split(' '), folder, file];
    execFile(process.execPath, command, { timeout: TIMEOUT_MS }, () => done());
  });
  return join(folder, basename(file).replace(/\.ts$/, '.js'));
}
