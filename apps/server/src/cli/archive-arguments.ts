import { parseArgs } from 'node:util';
import type { ConfigProblem } from '../config/config-error.ts';

export type ArchiveVerb = 'export' | 'import';

/** Which store is meant. */
export type StorePlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'database'; readonly url: string; readonly schema: string | null };

/** A command line of `ezthrottle export` or `import` that can be carried out. */
export interface ArchiveLine {
  readonly verb: ArchiveVerb;
  readonly place: StorePlace;
  /** Null: standard output, or input. */
  readonly file: string | null;
}

const FILE_FLAGS = { export: 'to-file', import: 'from-file' } as const;
const PLACE = '--data-dir <folder> or --database-url <url>';

/** Reads the arguments behind `export` or `import`; tells everything that is wrong with them. */
export function readArchiveArguments(
  verb: ArchiveVerb,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
):
  | { readonly ok: true; readonly line: ArchiveLine }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] } {
  const fileFlag = FILE_FLAGS[verb];
  const names = ['data-dir', 'database-url', 'database-schema', fileFlag];
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
  const place = placeOf(values, environment);
  if ('where' in place) problems.push(place);
  if (problems.length > 0 || 'where' in place) return { ok: false, problems };
  return { ok: true, line: { verb, place, file: values.get(fileFlag) ?? null } };
}

/** A flag wins over the environment, and there a database over a folder, as it does for a server. */
function placeOf(
  flags: ReadonlyMap<string, string>,
  environment: Readonly<Record<string, string | undefined>>,
): StorePlace | ConfigProblem {
  const [folder, url] = [flags.get('data-dir'), flags.get('database-url')];
  if (folder !== undefined && url !== undefined) {
    return { where: '--data-dir', message: 'is given beside --database-url', expected: 'one' };
  }
  if (folder !== undefined) return { kind: 'folder', folder };
  const [set, setFolder] = ['DATABASE_URL', 'EZTHROTTLE_DATA_DIR'].map(
    (name) => environment[name] || undefined,
  );
  const database = url ?? set;
  if (database !== undefined) return databaseOf(database, url, flags.get('database-schema'));
  if (setFolder !== undefined) return { kind: 'folder', folder: setFolder };
  return { where: '--data-dir', message: 'is missing', expected: PLACE };
}

/** What is wrong with an address does not show it: it may hold a password. */
function databaseOf(
  url: string,
  flag: string | undefined,
  schema: string | undefined,
): StorePlace | ConfigProblem {
  if (/^postgres(?:ql)?:\/\//.test(url)) return { kind: 'database', url, schema: schema ?? null };
  return {
    where: flag === undefined ? 'DATABASE_URL' : '--database-url',
    message: 'is not an address of PostgreSQL',
    expected: 'postgres://user:password@host:5432/database',
  };
}
