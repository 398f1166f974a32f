import { Database } from '../store/postgres/database.ts';
import { type InboxLook, lookIntoInbox, retryRefused } from '../store/postgres/inbox-look.ts';
import type { CommandLine } from './arguments.ts';
import { databaseSettings } from './database-settings.ts';

/** No refused job has this id. */
class NotRefusedError extends Error {
  readonly code = 'not_refused';
  override readonly name = 'NotRefusedError';

  constructor(jobId: string) {
    super(`no refused job has the id ${jobId}; \`ezthrottle inbox\` lists those that there are`);
  }
}

const SHOWN = 100;

/** `ezthrottle inbox`: what became of jobs that were submitted within transactions, and another try. */
export async function runInbox(line: CommandLine): Promise<void> {
  const { url, schema } = databaseSettings(
    line,
    'the address of a database: a data folder has no inbox',
  );
  const database = new Database({
    url,
    schema,
    prepare: false,
    connections: 1,
    applicationName: 'ezthrottle inbox',
  });
  try {
    const retried = line.retry === null ? null : await retry(database, line.retry);
    const look = await lookIntoInbox(database, SHOWN);
    process.stdout.write(line.json ? jsonOf(look, retried) : textOf(look, retried));
  } finally {
    await database.close();
  }
}

async function retry(database: Database, which: string): Promise<number> {
  const retried = await retryRefused(database, which === 'all' ? null : which);
  if (retried === 0 && which !== 'all') throw new NotRefusedError(which);
  return retried;
}

function jsonOf({ waiting, oldestAt, refusedCount, refused }: InboxLook, retried: number | null) {
  const facts = {
    waiting,
    oldest_at: oldestAt,
    ...(retried !== null && { retried }),
    refused_count: refusedCount,
    refused: refused.map(({ jobId, organization, code, message, problems, submittedAt }) => ({
      job_id: jobId,
      organization_id: organization,
      code,
      message,
      problems: JSON.parse(problems),
      submitted_at: submittedAt,
    })),
  };
  return `${JSON.stringify(facts)}\n`;
}

function textOf(look: InboxLook, retried: number | null): string {
  const { waiting, oldestAt, refusedCount, refused } = look;
  const since = oldestAt === null ? '' : `, the oldest since ${timeOf(oldestAt)}`;
  const lines = [
    ...(retried === null ? [] : [`given another try: ${retried}`]),
    `waiting: ${waiting}${since}`,
    `refused: ${refusedCount}${refusedCount > refused.length ? `, of which the newest:` : ''}`,
    ...refused.flatMap(({ jobId, code, message, problems, submittedAt }) => [
      `  ${jobId}  ${timeOf(submittedAt)}  ${code}: ${message}`,
      ...problemLines(JSON.parse(problems)),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function problemLines(problems: unknown): readonly string[] {
  if (!Array.isArray(problems)) return [];
  return problems.map(
    ({ path, message, expected }) => `    ${path} ${message} (expected: ${expected})`,
  );
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
