import { SETTINGS } from '../config/settings.ts';
import type { Setting } from '../config/setting.ts';

const COMMANDS = `ezthrottle: runs HTTP calls durably and at a pace that their targets can bear

usage: ezthrottle <command> [flag...]

commands:
  dev       a server for development: makes its own API key and secrets, keeps them in the data folder
  start     a server for production: is told its data folder and keys, writes no secret to disk
  config [dev|start]
            what that command would run with, given these flags, and where each value comes from;
            changes nothing
  re-encrypt
            encrypts all that is stored as a secret under the newest master key: in a data folder while no server
            runs, in a database while all nodes have that key
  migrate [--dry-run]
            brings the tables in PostgreSQL up to date, or says what it would do: for
            servers that are started with --no-migrate
  doctor    says what is wrong with the settings, the database or the data folder, and what to do; code 1
            when something is
  inbox [--retry <id>|all]
            jobs that were submitted within transactions of the database: how many wait, which were
            refused and why; gives refused ones another try
  export [--to-file <file>]
            writes all that is kept as a stream of lines: of the stopped server in --data-dir, or of
            the database at --database-url
  import [--from-file <file>]
            fills an empty data folder or database from such a stream, whole or not at all
  dead list|show|replay|redrive
            what failed on a running server, and sends it again: one, or many with care; the server is at
            --url (EZTHROTTLE_URL), its key --api-key (EZTHROTTLE_API_KEY)
  simulate --recording <file> [--config <limits.json>] [--json]
            replays what a server with --recording has written, and says how long jobs would have waited
            under other limits: {"limits": {"<key>": {"rate": 50}}}
  help      this text
  version   the version

flags of dev, start, config, re-encrypt, migrate, doctor and inbox (each is also an environment variable, or a key of the file):
`;

const OWN_FLAGS = `  --config <file>
      JSON file with settings; a flag or a variable wins over it
  --json
      stdout is one line with one JSON object
  -h, --help, -v, --version
`;

/** The text of `ezthrottle help`, made from the settings themselves. */
export function helpText(): string {
  const settings: readonly (readonly [string, Setting<unknown>])[] = Object.entries(SETTINGS);
  return COMMANDS + settings.map(([key, setting]) => describe(key, setting)).join('') + OWN_FLAGS;
}

function describe(key: string, setting: Setting<unknown>): string {
  const { flag, environment, placeholder, description, defaults, requiredBy } = setting;
  const required = requiredBy.length > 0 ? `; required by ${requiredBy.join(', ')}` : '';
  const dev = show(defaults.dev);
  const start = requiredBy.includes('start') ? dev : show(defaults.start);
  const byDefault = dev === start ? dev : `${dev} in dev, ${start} in start`;
  const shown = byDefault === '' ? '' : `; default ${byDefault}`;
  return (
    `  --${flag}${placeholder === '' ? '' : ` ${placeholder}`}\n` +
    `      ${description}${shown}${required}\n      ${environment}, "${key}"\n`
  );
}

function show(value: unknown): string {
  if (value === null || value === '') return '';
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? '' : JSON.stringify(value);
}
