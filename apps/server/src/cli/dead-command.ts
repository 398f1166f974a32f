import type {
  DeadDeliveryDetail,
  DeadDeliveryPage,
  DeadJobDetail,
  DeadJobPage,
  DeadLetterFilter,
  RedriveDryRun,
  RedriveRequest,
  RedriveView,
  ReplayJobReply,
} from '@ezthrottle/core/protocol';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError } from '../config/config-error.ts';
import { type DeadLine, momentOf, readDeadArguments } from './dead-arguments.ts';
import { callServer, type ServerAddress, ServerCallError } from './server-call.ts';

const DEFAULT_URL = 'http://localhost:8080';
const LOOK_MS = 1_000;

/**
 * `ezthrottle dead …`: what is dead on a running server, and the ways back.
 *
 * @throws ConfigError for arguments that are wrong; ServerCallError for what the server refuses.
 */
export async function runDead(argv: readonly string[]): Promise<void> {
  const read = readDeadArguments(argv);
  if (!read.ok) throw new ConfigError(read.problems);
  const { line } = read;
  const server = serverOf(line);
  switch (line.verb) {
    case 'list':
      return await list(line, server);
    case 'show':
      return print(line, await show(line, server), shown);
    case 'replay':
      return await replay(line, server);
    case 'redrive':
      return await redrive(line, server);
  }
}

function serverOf({ texts }: DeadLine): ServerAddress {
  const url = texts['url'] ?? process.env['EZTHROTTLE_URL'] ?? DEFAULT_URL;
  const apiKey = texts['api-key'] ?? process.env['EZTHROTTLE_API_KEY'] ?? '';
  const problems = [
    ...(URL.canParse(url)
      ? []
      : [{ where: '--url', message: 'is not an address', expected: DEFAULT_URL }]),
    ...(apiKey === ''
      ? [{ where: '--api-key', message: 'is missing', expected: 'it, or EZTHROTTLE_API_KEY' }]
      : []),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return { url, apiKey };
}

async function list(line: DeadLine, server: ServerAddress): Promise<void> {
  const { reasons, ...filter } = filterOf(line);
  const query = {
    ...Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, String(value)])),
    ...(reasons !== undefined && { reason: reasons.join(',') }),
    limit: line.texts['limit'],
  };
  if (line.texts['of'] === 'deliveries') {
    const page = await callServer<DeadDeliveryPage>(server, 'GET', '/dead-letters/deliveries', {
      query,
    });
    return print(line, page, ({ deliveries }) =>
      deliveries.map((each) => [
        each.delivery_id,
        timeOf(each.died_at),
        each.dead_reason ?? '',
        String(each.status_code ?? each.error ?? ''),
        each.url,
      ]),
    );
  }
  const page = await callServer<DeadJobPage>(server, 'GET', '/dead-letters/jobs', { query });
  print(line, page, ({ jobs }) =>
    jobs.map((each) => [
      each.job_id,
      timeOf(each.ended_at),
      each.reason,
      each.error ?? '',
      `${each.method} ${each.url}`,
      each.redriven_as === null ? '' : `→ ${each.redriven_as.job_id} ${each.redriven_as.state}`,
    ]),
  );
}

type Shown = DeadJobDetail | DeadDeliveryDetail;

/** Whether it is a job or a delivery, its id does not tell. */
async function show({ id }: DeadLine, server: ServerAddress): Promise<Shown> {
  try {
    return await callServer<DeadJobDetail>(server, 'GET', `/dead-letters/jobs/${id}`);
  } catch (error) {
    if (!(error instanceof ServerCallError) || error.status !== 404) throw error;
    return await callServer<DeadDeliveryDetail>(server, 'GET', `/dead-letters/deliveries/${id}`);
  }
}

function shown(dead: Shown): readonly (readonly string[])[] {
  if ('history' in dead) {
    return [
      ['delivery', dead.delivery_id],
      ['of job', dead.job_id],
      ['to', dead.url],
      ['state', dead.state, dead.dead_reason ?? ''],
      ...dead.history.map((each) => [
        `attempt ${each.attempt}`,
        timeOf(each.ended_at),
        String(each.status_code ?? each.error ?? ''),
      ]),
    ];
  }
  return [
    ['job', dead.job_id],
    ['call', `${dead.method} ${dead.url}`],
    ['reason', dead.reason, dead.error ?? ''],
    ...(dead.redriven_as === null ? [] : [['sent again as', dead.redriven_as.job_id]]),
    ...dead.attempts.map((each) => [
      `attempt ${each.attempt}`,
      timeOf(each.ended_at),
      each.outcome,
      String(each.status_code ?? each.error ?? ''),
    ]),
  ];
}

async function replay(line: DeadLine, server: ServerAddress): Promise<void> {
  const { id, texts, switches } = line;
  const { reason, actor } = texts;
  const dead = await show(line, server);
  if ('history' in dead) {
    const body = { reason, as_new: switches.has('as-new') };
    const path = `/dead-letters/deliveries/${id}/replay`;
    const sent = await callServer<DeadDeliveryDetail>(server, 'POST', path, { body, actor });
    return print(line, sent, () => [['delivery', sent.delivery_id, sent.state]]);
  }
  const body = { reason, again: switches.has('again') };
  const path = `/dead-letters/jobs/${id}/replay`;
  const sent = await callServer<ReplayJobReply>(server, 'POST', path, { body, actor });
  print(line, sent, () => [['job', sent.job_id, sent.duplicate ? 'sent before' : sent.state]]);
}

async function redrive(line: DeadLine, server: ServerAddress): Promise<void> {
  const { texts, switches } = line;
  const request: RedriveRequest = {
    reason: texts['reason'] ?? '',
    of: texts['of'] === 'deliveries' ? 'deliveries' : 'jobs',
    filter: filterOf(line),
    ...numberOf(texts, 'rate', 'rate'),
    ...numberOf(texts, 'canary', 'canary'),
    ...numberOf(texts, 'max-failure-percent', 'max_failure_percent'),
    ...numberOf(texts, 'max-items', 'max_items'),
  };
  const call = { actor: texts['actor'] };
  if (switches.has('dry-run')) {
    const body = { ...request, dry_run: true };
    const found = await callServer<RedriveDryRun>(server, 'POST', '/redrives', { ...call, body });
    return print(line, found, () => [
      ['dead', `${found.count}${found.more ? ' and more' : ''}`],
      ...Object.entries(found.by_reason).map(([reason, count]) => [reason, String(count)]),
      ...Object.entries(found.left_out).map(([why, count]) => [`left out: ${why}`, String(count)]),
      ...found.by_destination.map(({ destination, count }) => [destination, String(count)]),
    ]);
  }
  let view = await callServer<RedriveView>(server, 'POST', '/redrives', { ...call, body: request });
  while (switches.has('wait') && view.ended_at === null) {
    await pause(LOOK_MS);
    view = await callServer<RedriveView>(server, 'GET', `/redrives/${view.redrive_id}`);
  }
  print(line, view, () => [
    ['redrive', view.redrive_id, view.state],
    ...Object.entries(view.counts).map(([outcome, count]) => [outcome, String(count)]),
  ]);
  if (view.state === 'stopped') process.exitCode = 1;
}

/** What the command line says of the filter. */
function filterOf({ texts }: DeadLine): DeadLetterFilter {
  const said: Record<string, unknown> = {
    reasons: texts['reasons']?.split(','),
    destination: texts['destination'],
    user_id: texts['user-id'],
    tag: texts['tag'],
    ended_from: texts['ended-from'] === undefined ? undefined : momentOf(texts['ended-from']),
    ended_before: texts['ended-before'] === undefined ? undefined : momentOf(texts['ended-before']),
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

function numberOf(texts: DeadLine['texts'], flag: string, name: keyof RedriveRequest): object {
  const text = texts[flag];
  return text === undefined ? {} : { [name]: Number(text) };
}

function print<Answer>(
  { switches }: DeadLine,
  answer: Answer,
  rowsOf: (answer: Answer) => readonly (readonly string[])[],
): void {
  if (switches.has('json')) {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return;
  }
  const rows = rowsOf(answer);
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  for (const row of rows) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}

function timeOf(at: number | null): string {
  return at === null ? '' : new Date(at).toISOString();
}
