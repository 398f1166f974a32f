import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { type Config, type ConfigSources, readSettings, unknownVariables } from '../config.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import { type Finding, fail, ok, warn } from '../doctor/finding.ts';
import { isWell, reportJson, reportText } from '../doctor/report.ts';
import { createSecretBox } from '../tenancy/secret-box.ts';
import { VERSION } from '../version.ts';
import type { CommandLine } from './arguments.ts';
import { sourcesOf } from './config-sources.ts';
import { fileProblems } from './file-problems.ts';

/** `ezthrottle doctor`: what is wrong with where a server would run, and what to do. Changes nothing. */
export async function runDoctor(line: CommandLine): Promise<void> {
  const { sources, unread } = readableSources(line);
  const reading = readSettings('start', sources);
  const { config, problems } = reading;
  const findings = [
    ...configFindings([...unread, ...problems, ...fileProblems(reading)]),
    ...unknownVariables(sources.environment).map((name) =>
      warn('config', `${name} is no setting`, 'correct its name, or unset it'),
    ),
    ...(await placeFindings(config)),
  ];
  process.stdout.write(line.json ? reportJson(findings) : reportText(findings));
  if (!isWell(findings)) process.exitCode = 1;
}

/** A file that cannot be read is one problem of several. */
function readableSources(line: CommandLine): {
  readonly sources: ConfigSources;
  readonly unread: readonly ConfigProblem[];
} {
  try {
    return { sources: sourcesOf(line), unread: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { sources: sourcesOf({ ...line, configFile: null }), unread: error.problems };
  }
}

/** Keys that the operator's own shell may lack, though the server has them. */
const KEYS: ReadonlySet<string> = new Set(['--api-key', '--master-key']);

function configFindings(problems: readonly ConfigProblem[]): readonly Finding[] {
  if (problems.length === 0) return [ok('config', 'the settings can be understood')];
  return problems.map(({ where, message, expected }) => {
    const isKey = message === 'is missing' && KEYS.has(where);
    return isKey
      ? warn('config', `${where} is missing here, and \`start\` needs it`, `give ${expected}`)
      : fail('config', `${where} ${message}`, `give ${expected}`);
  });
}

async function placeFindings(config: Config): Promise<readonly Finding[]> {
  const keyIds = keyIdsOf(config);
  if (config.databaseUrl !== null) {
    const { examineDatabase } = await import('../doctor/examine-database.ts');
    const { MIGRATIONS } = await import('../store/postgres/migrations.ts');
    return await examineDatabase({
      plan: {
        url: config.databaseUrl,
        listenUrl: config.databaseListenUrl,
        schema: config.databaseSchema,
        pool: config.databasePool,
        prepare: config.databasePrepare,
        notify: config.databaseNotify,
        migrate: config.migrate,
        keyIds,
      },
      clock: systemClock,
      migrations: MIGRATIONS,
      version: VERSION,
    });
  }
  if (config.dataDir === '') return [];
  const { examineFolder } = await import('../doctor/examine-folder.ts');
  const { MIGRATIONS } = await import('../store/sqlite/migrations.ts');
  const folder = resolve(config.dataDir);
  return examineFolder({ folder, keyIds, clock: systemClock, migrations: MIGRATIONS });
}

function keyIdsOf({ masterKey, formerMasterKeys }: Config): readonly string[] | null {
  return masterKey === null ? null : createSecretBox(masterKey, formerMasterKeys).keyIds;
}
