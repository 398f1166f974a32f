import { parseArgs } from 'node:util';
import { type ConfigSources, readSettings } from '../config.ts';
import type { ConfigProblem } from '../config/config-error.ts';
import { SETTINGS } from '../config/settings.ts';
import { sourcesOf } from './config-sources.ts';

export type ArchiveVerb = 'export' | 'import';

/** Which store is meant. */
export type StorePlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'database'; readonly url: string; readonly schema: string };

/** A command line of `ezthrottle export` or `import` that can be carried out. */
export interface ArchiveLine {
  readonly verb: ArchiveVerb;
  readonly place: StorePlace;
  /** Null: standard output, or input. */
  readonly file: string | null;
}

const FILE_FLAGS = { export: 'to-file', import: 'from-file' } as const;

/** Settings of a server that say where its data is. */
const PLACE_SETTINGS = ['dataDir', 'databaseUrl', 'databaseSchema'] as const;

/**
 * Reads the arguments behind `export` or `import`; tells everything that is wrong with them.
 *
 * @throws ConfigError when the file of `--config` cannot be read.
 */
export function readArchiveArguments(
  verb: ArchiveVerb,
  argv: readonly string[],
):
  | { readonly ok: true; readonly line: ArchiveLine }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] } {
  const fileFlag = FILE_FLAGS[verb];
  const settings = PLACE_SETTINGS.map((key) => SETTINGS[key].flag);
  const names = [...settings, 'config', fileFlag];
  const { values, problems } = readFlags(verb, argv, names);
  const flags = Object.fromEntries([...values].filter(([name]) => settings.includes(name)));
  const sources = sourcesOf({ flags, configFile: values.get('config') ?? null });
  const place = placeOf(values, sources);
  if (!('kind' in place)) problems.push(...place);
  if (problems.length > 0 || !('kind' in place)) return { ok: false, problems };
  return { ok: true, line: { verb, place, file: values.get(fileFlag) ?? null } };
}

function readFlags(
  verb: ArchiveVerb,
  argv: readonly string[],
  names: readonly string[],
): { readonly values: ReadonlyMap<string, string>; readonly problems: ConfigProblem[] } {
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' } as const])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const problems: ConfigProblem[] = [];
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') {
      const where = JSON.stringify(token.value);
      problems.push({ where, message: 'is not understood', expected: 'flags only' });
    }
    if (token.kind !== 'option') continue;
    const { name, value, rawName: where } = token;
    if (!names.includes(name)) {
      const expected = names.map((known) => `--${known}`).join(', ');
      problems.push({ where, message: `is not a flag of ${verb}`, expected });
    } else if (value === undefined || value === '') {
      problems.push({ where, message: 'has no value', expected: `${where} <value>` });
    } else if (values.has(name)) {
      problems.push({ where, message: 'is given twice', expected: 'it once' });
    } else values.set(name, value);
  }
  return { values, problems };
}

/** A folder that is named here is meant, whatever the environment says; else it is as for a server. */
function placeOf(
  flags: ReadonlyMap<string, string>,
  sources: ConfigSources,
): StorePlace | readonly ConfigProblem[] {
  const folder = flags.get(SETTINGS.dataDir.flag);
  if (folder !== undefined && flags.has(SETTINGS.databaseUrl.flag)) {
    return [{ where: '--data-dir', message: 'is given beside --database-url', expected: 'one' }];
  }
  if (folder !== undefined) return { kind: 'folder', folder };
  const { config, problems } = readSettings('start', sources);
  const ofPlace = problems.filter(({ where }) => isOfPlace(where));
  if (ofPlace.length > 0) return ofPlace;
  const { dataDir, databaseUrl: url, databaseSchema: schema } = config;
  return url === null ? { kind: 'folder', folder: dataDir } : { kind: 'database', url, schema };
}

/** What else a server would have to be told is not asked for. */
function isOfPlace(where: string): boolean {
  return PLACE_SETTINGS.some((key) => {
    const { flag, environment } = SETTINGS[key];
    return where === `--${flag}` || where.startsWith(environment) || where.endsWith(`: ${key}`);
  });
}
