import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const TIMEOUT_MS = 60_000;
const DECORATOR = /^\s*@[A-Z]\w*\(/m;

/**
 * A file that Node can run. Types it strips by itself; decorators have to be compiled, as users of
 * frameworks with decorators have it done.
 */
export async function runnableFile(file: string): Promise<string> {
  if (!file.endsWith('.ts') || !DECORATOR.test(readFileSync(file, 'utf8'))) return file;
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  const flags =
    '--ignoreConfig --noCheck --noResolve --verbatimModuleSyntax --experimentalDecorators ' +
    '--emitDecoratorMetadata --module nodenext --target es2023 --outDir';
  const tsc = join(dirname(manifest), 'bin/tsc');
  const command = [tsc, ...flags.split(' '), dirname(file), file];
  await new Promise<void>((done) => {
    // It complains of what it does not resolve, and compiles all the same; types are checked elsewhere.
    execFile(process.execPath, command, { timeout: TIMEOUT_MS }, () => done());
  });
  return file.replace(/\.ts$/, '.js');
}
