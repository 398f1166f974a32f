import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConfigReading } from '../config.ts';
import type { ConfigProblem } from '../config/config-error.ts';

/** Files that settings name and that are not where a server would look for them. */
export function fileProblems({ config, origins }: ConfigReading): readonly ConfigProblem[] {
  const { hooks, recording } = config;
  const problems: ConfigProblem[] = [];
  if (hooks !== null && !isThere(hooks, 'file')) {
    problems.push({
      where: origins.get('hooks') ?? '--hooks',
      message: `cannot be loaded: there is no file ${resolve(hooks)}`,
      expected: 'the path of an ECMAScript module',
    });
  }
  if (recording !== null && !isThere(dirname(resolve(recording)), 'folder')) {
    problems.push({
      where: origins.get('recording') ?? '--recording',
      message: `cannot be written: there is no folder ${dirname(resolve(recording))}`,
      expected: 'a file in a folder that exists',
    });
  }
  return problems;
}

function isThere(path: string, kind: 'file' | 'folder'): boolean {
  try {
    const found = statSync(resolve(path), { throwIfNoEntry: false });
    return (kind === 'file' ? found?.isFile() : found?.isDirectory()) ?? false;
  } catch {
    // Out of reach is as good as not there.
    return false;
  }
}
