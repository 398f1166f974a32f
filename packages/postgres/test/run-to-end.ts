import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a file of this package with this very Node; gives how it ended and what it said of errors. */
export async function runToEnd(
  file: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly exitCode: number | null; readonly errors: string }> {
  const child = spawn(process.execPath, ['--conditions=@ezthrottle/source', file], {
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [exitCode] = await once(child, 'close');
  return { exitCode: typeof exitCode === 'number' ? exitCode : null, errors };
}
