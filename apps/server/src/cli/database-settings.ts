import { readSettings } from '../config.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import type { CommandLine } from './arguments.ts';
import { sourcesOf } from './config-sources.ts';

/** Nobody is let in, and no secret is read. */
const NOT_NEEDED: ReadonlySet<string> = new Set(['--api-key', '--master-key']);

/** Settings that `start` needs and a command that works on the database does not. */
function needed(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return problems.filter(
    ({ where, message }) => message !== 'is missing' || !NOT_NEEDED.has(where),
  );
}

/**
 * Which database a command works on.
 *
 * @param expected What is said where none is named.
 * @throws ConfigError naming everything that is wrong with the settings.
 */
export function databaseSettings(
  line: CommandLine,
  expected: string,
): { readonly url: string; readonly schema: string } {
  const { config, problems } = readSettings('start', sourcesOf(line));
  const serious = needed(problems);
  if (serious.length > 0) throw new ConfigError(serious);
  const { databaseUrl: url, databaseSchema: schema } = config;
  if (url !== null) return { url, schema };
  throw new ConfigError([{ where: '--database-url', message: 'is missing', expected }]);
}
