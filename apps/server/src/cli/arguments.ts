import { parseArgs } from 'node:util';
import type { ConfigProblem } from '../config/config-error.ts';
import { SETTINGS } from '../config/settings.ts';
import { withoutCredentials } from '../config/shown.ts';

export type CommandName =
  | 'dev'
  | 'start'
  | 'config'
  | 're-encrypt'
  | 'migrate'
  | 'doctor'
  | 'inbox'
  | 'help'
  | 'version';

/** A command line that can be carried out. */
export interface CommandLine {
  readonly command: CommandName;
  /** The word behind the command; null: none. */
  readonly word: string | null;
  /** Settings by flag name, as `readConfig` takes them. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** One JSON line on stdout instead of text. */
  readonly json: boolean;
  /** Only says what would be done. */
  readonly dryRun: boolean;
  /** Refused jobs that are tried again: an id, or `all`; null: none. */
  readonly retry: string | null;
  readonly configFile: string | null;
}

const COMMANDS: readonly CommandName[] = [
  'dev',
  'start',
  'config',
  're-encrypt',
  'migrate',
  'doctor',
  'inbox',
  'help',
  'version',
];

/** Commands that take a further word, and which. */
const WORDS: Readonly<Partial<Record<CommandName, readonly string[]>>> = {
  config: ['dev', 'start'],
};

/** Flags that are no settings. */
const OWN_FLAGS = {
  json: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  retry: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  config: { type: 'string' },
} as const;

interface FlagOption {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  readonly multiple?: boolean;
  /** The flag that it is another spelling of. */
  readonly settingOf?: string;
}

function flagOptions(): Record<string, FlagOption> {
  const options: Record<string, FlagOption> = { ...OWN_FLAGS };
  for (const { flag, otherFlag, kind } of Object.values(SETTINGS)) {
    options[flag] =
      kind === 'switch' ? { type: 'boolean' } : { type: 'string', multiple: kind === 'list' };
    if (otherFlag !== null) options[otherFlag] = { ...options[flag], settingOf: flag };
  }
  return options;
}

/** Reads the arguments after the program's name; tells everything that is wrong with them. */
export function readArguments(argv: readonly string[]):
  | { readonly ok: true; readonly line: CommandLine }
  | {
      readonly ok: false;
      readonly problems: readonly ConfigProblem[];
      /** What of it was understood; null: not even the command. */
      readonly line: CommandLine | null;
    } {
  const options = flagOptions();
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowNegative: true,
    allowPositionals: true,
    tokens: true,
  });
  const flags: Record<string, unknown> = {};
  const problems: ConfigProblem[] = [];
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const problem = putFlag(token, options[flagName(token.name, options)], flags);
    if (problem !== null) problems.push(problem);
  }
  const [name, ...others] = words;
  const command = commandOf(name, flags);
  if (command === null) problems.push(unknownWord(name ?? '', `a command: ${COMMANDS.join(', ')}`));
  const [word, ...surplus] = others;
  const choices = command === null ? [] : (WORDS[command] ?? []);
  if (word !== undefined && !choices.includes(word)) {
    const expected =
      choices.length === 0 ? 'one command and flags' : `one of ${choices.join(', ')}`;
    problems.push(unknownWord(word, expected));
  }
  for (const extra of surplus) problems.push(unknownWord(extra, 'flags only'));
  if (command === null) return { ok: false, problems, line: null };
  const { json, config, help, version, 'dry-run': dryRun, retry, ...settings } = flags;
  if (dryRun === true && command !== 'migrate') {
    problems.push({
      where: '--dry-run',
      message: `is not a flag of ${command}`,
      expected: 'it with migrate',
    });
  }
  if (retry !== undefined) problems.push(...problemsOfRetry(retry, command));
  const line: CommandLine = {
    command,
    word: word ?? null,
    flags: settings,
    json: json === true,
    dryRun: dryRun === true,
    retry: typeof retry === 'string' ? retry : null,
    configFile: typeof config === 'string' ? config : null,
  };
  return problems.length > 0 ? { ok: false, problems, line } : { ok: true, line };
}

const ID_OR_ALL = /^(?:all|[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12})$/i;

function problemsOfRetry(retry: unknown, command: CommandName): readonly ConfigProblem[] {
  const where = '--retry';
  if (command !== 'inbox') {
    return [{ where, message: `is not a flag of ${command}`, expected: 'it with inbox' }];
  }
  if (typeof retry === 'string' && ID_OR_ALL.test(retry)) return [];
  return [{ where, message: 'names no job', expected: 'the id of a refused job, or all' }];
}

function commandOf(word: string | undefined, flags: Record<string, unknown>): CommandName | null {
  if (flags['help'] === true || (word === undefined && flags['version'] !== true)) return 'help';
  if (flags['version'] === true) return 'version';
  return COMMANDS.find((command) => command === word) ?? null;
}

function flagName(name: string, options: Record<string, FlagOption>): string {
  const positive = name.replace(/^no-/, '');
  return !Object.hasOwn(options, name) && options[positive]?.type === 'boolean' ? positive : name;
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | boolean | undefined;
}

/** Takes one flag; the problem with it, or null. */
function putFlag(
  token: OptionToken,
  option: FlagOption | undefined,
  flags: Record<string, unknown>,
): ConfigProblem | null {
  const where = token.rawName;
  if (option === undefined) {
    return {
      where,
      message: 'is not a flag',
      expected: 'one of those that `ezthrottle help` lists',
    };
  }
  if (option.type === 'boolean') {
    if (token.value !== undefined && token.value !== false) {
      return { where, message: 'takes no value', expected: `${where} alone` };
    }
    const isNegative = where.startsWith('--no-');
    flags[isNegative ? where.slice('--no-'.length) : token.name] = !isNegative;
    return null;
  }
  if (typeof token.value !== 'string') {
    return { where, message: 'has no value', expected: `${where} <value>` };
  }
  const name = option.settingOf ?? token.name;
  const earlier = flags[name];
  if (option.multiple === true) {
    flags[name] = [...(Array.isArray(earlier) ? earlier : []), token.value];
  } else if (earlier !== undefined) {
    return { where, message: 'is given twice', expected: 'it once' };
  } else {
    flags[name] = token.value;
  }
  return null;
}

function unknownWord(word: string, expected: string): ConfigProblem {
  return {
    where: JSON.stringify(withoutCredentials(word)),
    message: 'is not understood',
    expected,
  };
}
