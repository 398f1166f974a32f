import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from './source-program.ts';

const MAIN = join(import.meta.dirname, '../../../apps/server/src/cli/main.ts');

/** `ezthrottle dev` as a process of its own, with its data in a folder of its own. */
export interface RealServer extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly signingSecret: string;
  /** For whatever else the test keeps; gone when the server is. */
  readonly folder: string;
}

/** @param paced Origins of targets that may be called as fast as the machine can. */
export async function startRealServer(
  paced: readonly string[],
  flags: readonly string[] = [],
): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-core-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  const rates = paced.flatMap((origin) => ['--rate', `${origin}=1000`]);
  const args = ['dev', '--json', '--port', '0', '--log-level', 'silent', ...rates, ...flags];
  try {
    const program = await startProgram(MAIN, args, folder);
    const { url, apiKey, signingSecret } = program.facts;
    return {
      url: String(url),
      apiKey: String(apiKey),
      signingSecret: String(signingSecret),
      folder,
      async [Symbol.asyncDispose]() {
        await program.kill();
        removeFolder();
      },
    };
  } catch (error) {
    removeFolder();
    throw error;
  }
}
