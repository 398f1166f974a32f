import { systemClock } from '../clock.ts';
import { connectionFailure } from '../doctor/connection-failure.ts';
import { Database } from '../store/postgres/database.ts';
import { migrate } from '../store/postgres/migrate.ts';
import { MIGRATIONS } from '../store/postgres/migrations.ts';
import { missingMigrations, nameMigrations } from '../store/postgres/schema-state.ts';
import type { CommandLine } from './arguments.ts';
import { databaseSettings } from './database-settings.ts';

/** The schema could not be brought up to date; it is as it was. */
class CannotMigrateError extends Error {
  readonly code = 'cannot_migrate';
  override readonly name = 'CannotMigrateError';
}

/** `ezthrottle migrate`: brings the tables in PostgreSQL up to date, or says what it would do. */
export async function runMigrate(line: CommandLine): Promise<void> {
  const { url, schema } = databaseSettings(
    line,
    'the address of a database (the file of a data folder is migrated by `start`)',
  );
  const database = new Database({
    url,
    schema,
    prepare: false,
    connections: 1,
    applicationName: 'ezthrottle migrate',
  });
  try {
    const missing = await missingMigrations(database, MIGRATIONS);
    const applied = line.dryRun ? [] : await migrate(database, MIGRATIONS, systemClock);
    const facts = { schema, missing: missing.map(({ version }) => version), applied };
    process.stdout.write(
      line.json
        ? `${JSON.stringify(facts)}\n`
        : line.dryRun
          ? dryText(schema, nameMigrations(missing))
          : doneText(schema, applied),
    );
  } catch (error) {
    throw explained(error, url, schema);
  } finally {
    await database.close();
  }
}

function dryText(schema: string, missing: string): string {
  return missing === ''
    ? `schema "${schema}": nothing to do\n`
    : `schema "${schema}": would apply ${missing}\n`;
}

function doneText(schema: string, applied: readonly number[]): string {
  const names = nameMigrations(MIGRATIONS.filter(({ version }) => applied.includes(version)));
  return names === ''
    ? `schema "${schema}": nothing to do\n`
    : `schema "${schema}": applied ${names}\n`;
}

/** What the driver says, with what would help. */
function explained(error: unknown, url: string, schema: string): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  // Our own say it all.
  if (code === 'schema_too_new') return error;
  if (code === '42501' && !error.message.includes('CONNECT')) {
    return new CannotMigrateError(
      `${error.message}; run it as a role that may create tables in the schema "${schema}" and owns those that are there`,
      { cause: error },
    );
  }
  const { message, fix } = connectionFailure('migrate', 'DATABASE_URL', url, error);
  return new CannotMigrateError(`${message}; ${fix ?? ''}`, { cause: error });
}
