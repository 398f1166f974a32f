import { readFileSync } from 'node:fs';
import { type ConfigSources, readSettings } from '../config.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import type { Profile } from '../config/setting.ts';
import type { CommandLine } from './arguments.ts';

/**
 * Where a command finds its settings: its flags, the environment and the file that it names.
 *
 * @throws ConfigError when the file is no JSON or cannot be read.
 */
export function sourcesOf(line: Pick<CommandLine, 'flags' | 'configFile'>): ConfigSources {
  return {
    flags: line.flags,
    environment: process.env,
    ...(line.configFile !== null && { file: readConfigFile(line.configFile) }),
    readSecretFile: (path) => readFileSync(path, 'utf8'),
  };
}

/** All that is wrong in what these sources say; without the file where that cannot be read. */
export function problemsOfSettings(
  profile: Profile,
  line: Pick<CommandLine, 'flags' | 'configFile'>,
): readonly ConfigProblem[] {
  try {
    return readSettings(profile, sourcesOf(line)).problems;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const others = readSettings(profile, sourcesOf({ ...line, configFile: null })).problems;
    // What is missing may stand in that file.
    return [...error.problems, ...others.filter(({ message }) => message !== 'is missing')];
  }
}

function readConfigFile(path: string): { readonly path: string; readonly content: unknown } {
  try {
    return { path, content: JSON.parse(readFileSync(path, 'utf8')) };
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    throw new ConfigError([
      {
        where: `--config ${path}`,
        message: reason,
        expected: 'a JSON file with an object of settings',
      },
    ]);
  }
}
