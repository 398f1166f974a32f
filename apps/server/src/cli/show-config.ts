import { type ConfigReading, readSettings } from '../config.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Profile, Setting } from '../config/setting.ts';
import { SETTINGS } from '../config/settings.ts';
import type { CommandLine } from './arguments.ts';
import { sourcesOf } from './config-sources.ts';
import { fileProblems } from './file-problems.ts';
import { warnOfVariables } from './warn-of-variables.ts';

/** One setting as it is in force. */
interface ShownSetting {
  readonly name: string;
  /** Of a secret only whether it is set. */
  readonly value: unknown;
  /** Such as `--port`, `EZTHROTTLE_PORT`, `ezthrottle.json: port` or `default`. */
  readonly from: string;
}

/**
 * Prints what a server that was started with these flags, in this environment, would run with, and where
 * each value comes from.
 *
 * @throws ConfigError after printing, when that server would not start.
 */
export function showConfig(profile: Profile, line: CommandLine): void {
  warnOfVariables(process.env);
  const reading = readSettings(profile, sourcesOf(line));
  const shown = shownSettings(reading);
  process.stdout.write(line.json ? jsonOf(profile, shown) : tableOf(shown));
  const problems = [...reading.problems, ...fileProblems(reading)];
  if (problems.length > 0) throw new ConfigError(problems);
}

function shownSettings({ config, origins }: ConfigReading): readonly ShownSetting[] {
  const known = new Map<string, string>(origins);
  const values = new Map<string, unknown>(Object.entries(config));
  const settings: readonly (readonly [string, Setting<unknown>])[] = Object.entries(SETTINGS);
  return settings.map(([name, { secret }]) => {
    const value = values.get(name);
    return {
      name,
      // A default is nobody's secret.
      value: secret && known.has(name) ? '(set, not shown)' : value,
      from: known.get(name) ?? 'default',
    };
  });
}

function jsonOf(profile: Profile, shown: readonly ShownSetting[]): string {
  const settings = Object.fromEntries(
    shown.map(({ name, value, from }) => [name, { value, from }]),
  );
  return `${JSON.stringify({ profile, settings })}\n`;
}

function tableOf(shown: readonly ShownSetting[]): string {
  const rows = shown.map(({ name, value, from }) => [name, textOf(value), from] as const);
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const [names, values] = [width(0), Math.min(width(1), WIDEST)];
  return rows
    .map(([name, value, from]) => `${name.padEnd(names)}  ${value.padEnd(values)}  ${from}\n`)
    .join('');
}

/** One long value does not push the column behind it off the screen. */
const WIDEST = 48;

function textOf(value: unknown): string {
  if (value === null) return '(not set)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
