import { parseArgs } from 'node:util';
import type { ConfigProblem } from '../config/config-error.ts';

export type DeadVerb = 'list' | 'show' | 'replay' | 'redrive';

/** A command line of `ezthrottle dead` that can be carried out. */
export interface DeadLine {
  readonly verb: DeadVerb;
  /** Of a dead job or delivery; null: none is named. */
  readonly id: string | null;
  readonly texts: Readonly<Record<string, string>>;
  readonly switches: ReadonlySet<string>;
}

interface Verb {
  readonly usage: string;
  readonly hasId: boolean;
  readonly texts: readonly string[];
  readonly switches: readonly string[];
  readonly required?: readonly string[];
}

const FILTER = ['reasons', 'destination', 'user-id', 'tag', 'ended-from', 'ended-before'] as const;
const SERVER = ['url', 'api-key'] as const;

const DEAD_VERBS: Readonly<Record<DeadVerb, Verb>> = {
  list: {
    usage: 'list [--of deliveries] [filter] [--limit <n>]',
    hasId: false,
    texts: ['of', ...FILTER, 'limit', ...SERVER],
    switches: ['json'],
  },
  show: { usage: 'show <id>', hasId: true, texts: SERVER, switches: ['json'] },
  replay: {
    usage: 'replay <id> --reason <text> [--as-new] [--again]',
    hasId: true,
    texts: ['reason', 'actor', ...SERVER],
    switches: ['json', 'as-new', 'again'],
    required: ['reason'],
  },
  redrive: {
    usage: `redrive --reason <text> [--of deliveries] [filter] [--rate <n>] [--canary <n>]
            [--max-failure-percent <n>] [--max-items <n>] [--dry-run] [--wait]`,
    hasId: false,
    texts: [
      'reason',
      'actor',
      'of',
      ...FILTER,
      'rate',
      'canary',
      'max-failure-percent',
      'max-items',
      ...SERVER,
    ],
    switches: ['json', 'dry-run', 'wait'],
    required: ['reason'],
  },
};

const NUMBERS: ReadonlySet<string> = new Set([
  'limit',
  'rate',
  'canary',
  'max-failure-percent',
  'max-items',
]);

/** Reads the arguments behind `dead`; tells everything that is wrong with them. */
export function readDeadArguments(
  argv: readonly string[],
):
  | { readonly ok: true; readonly line: DeadLine }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] } {
  const [word = '', ...rest] = argv;
  const verb = verbOf(word);
  if (verb === null) {
    const expected = `one of ${Object.keys(DEAD_VERBS).join(', ')}`;
    return {
      ok: false,
      problems: [{ where: `dead ${word}`.trim(), message: 'is not a command', expected }],
    };
  }
  const known = DEAD_VERBS[verb];
  const { tokens } = parseArgs({
    args: rest,
    options: {
      ...Object.fromEntries(known.texts.map((name) => [name, { type: 'string' } as const])),
      ...Object.fromEntries(known.switches.map((name) => [name, { type: 'boolean' } as const])),
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const problems: ConfigProblem[] = [];
  const texts: Record<string, string> = {};
  const switches = new Set<string>();
  const ids: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') ids.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, value, rawName: where } = token;
    if (known.switches.includes(name)) switches.add(name);
    else if (!known.texts.includes(name)) {
      problems.push({ where, message: 'is not a flag here', expected: known.usage });
    } else if (value === undefined || value === '') {
      problems.push({ where, message: 'has no value', expected: `${where} <value>` });
    } else texts[name] = value;
  }
  problems.push(...wrongValues(texts), ...missing(known, texts, ids));
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, line: { verb, id: ids[0] ?? null, texts, switches } };
}

function verbOf(word: string): DeadVerb | null {
  const verbs: readonly DeadVerb[] = ['list', 'show', 'replay', 'redrive'];
  return verbs.find((verb) => verb === word) ?? null;
}

function missing(
  { hasId, required = [], usage }: Verb,
  texts: Readonly<Record<string, string>>,
  ids: readonly string[],
): readonly ConfigProblem[] {
  const problems = required
    .filter((name) => texts[name] === undefined)
    .map((name) => ({ where: `--${name}`, message: 'is missing', expected: usage }));
  if (ids.length === (hasId ? 1 : 0)) return problems;
  const message = hasId ? 'is not one' : 'is not understood';
  return [...problems, { where: ids.join(' ') || 'id', message, expected: usage }];
}

function wrongValues(texts: Readonly<Record<string, string>>): readonly ConfigProblem[] {
  return Object.entries(texts).flatMap(([name, value]) => {
    const where = `--${name}`;
    if (NUMBERS.has(name) && !Number.isFinite(Number(value))) {
      return [{ where, message: 'is not a number', expected: 'digits' }];
    }
    if (name.startsWith('ended-') && Number.isNaN(momentOf(value))) {
      const expected = 'milliseconds since the epoch, or a time such as 2026-11-21T03:00:00Z';
      return [{ where, message: 'is not a moment', expected }];
    }
    if (name === 'of' && value !== 'jobs' && value !== 'deliveries') {
      return [{ where, message: 'is not known', expected: 'jobs or deliveries' }];
    }
    return [];
  });
}

/** Milliseconds since the epoch; NaN for what is no moment. */
export function momentOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}
