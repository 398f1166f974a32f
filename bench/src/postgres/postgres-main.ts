// pnpm bench postgres [--quick] [--only <part>,…] [--rounds <n>] [--backlog <jobs>] [--churn <jobs>]
//                     [--open-for <seconds>] [--profile <folder>]
//
// Nodes on PostgreSQL beside job queues on PostgreSQL, and what grows with nodes, backlogs, time and keys.

import { parseArgs } from 'node:util';
import { printMachine } from '../machine.ts';
import { measure } from '../measure.ts';
import { tableOf } from '../numbers.ts';
import { measureBacklogs } from './backlog.ts';
import { measureChurn } from './churn.ts';
import { compare } from './compare.ts';
import { DATABASE_SETTINGS, startDatabase } from './database.ts';
import { measureKeys } from './keys.ts';
import { measureNodes } from './node-counts.ts';
import { nodesOnPostgres } from './nodes.ts';
import { sideBySide } from './side-by-side.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    backlog: { type: 'string' },
    churn: { type: 'string' },
    'open-for': { type: 'string' },
    profile: { type: 'string' },
  },
});
const { quick } = values;
const rounds = Number(values.rounds ?? (quick ? 1 : 3));
const backlog = Number(values.backlog ?? (quick ? 100_000 : 10_000_000));
const churn = Number(values.churn ?? (quick ? 30_000 : 10_000_000));
const openForSeconds = Number(values['open-for'] ?? (quick ? 20 : 600));
const comparisons = sideBySide(quick);
const parts = new Map<string, () => Promise<readonly (readonly string[])[]>>([
  ...comparisons.map((each) => [each.key, () => compare(each, rounds)] as const),
  ['nodes', () => measureNodes(quick, rounds).then(() => [])],
  ['backlog', () => measureBacklogs({ most: backlog, openForSeconds, isQuick: quick })],
  ['churn', () => measureChurn(churn)],
  ['keys', () => measureKeys(quick).then(() => [])],
]);

const asked = values.only?.split(',') ?? [...parts.keys()];
const isRight = [rounds, backlog, churn, openForSeconds].every(
  (each) => Number.isInteger(each) && each >= 1,
);
if (!isRight || asked.some((key) => !parts.has(key))) {
  console.error(
    'usage: bench postgres [--quick] [--only <part>,…] [--rounds <n>] [--backlog <jobs>]\n' +
      '                      [--churn <jobs>] [--open-for <seconds>] [--profile <folder>]',
  );
  console.error(`parts: ${[...parts.keys()].join(', ')}`);
  process.exit(2);
}

printMachine();
{
  await using database = await startDatabase();
  console.log(
    `PostgreSQL ${database.version}, ${DATABASE_SETTINGS}, in ${process.env['TMPDIR'] ?? '/tmp'}`,
  );
}
console.log('load, target, receiver and PostgreSQL share the machine with what is measured');

if (values.profile === undefined) {
  const goals: (readonly string[])[] = [];
  for (const key of asked) {
    goals.push(...((await parts.get(key)?.()) ?? []));
  }
  const header = ['', 'reached', 'lowest', 'highest', 'goal', ''];
  console.log(`\nratios are taken within each round\n\n${tableOf([header, ...goals])}`);
} else {
  const jobs = quick ? 5_000 : 20_000;
  const amount = { connections: 64, jobs, warmUp: jobs / 2, concurrency: 64 };
  const { figures } = await measure(nodesOnPostgres(1, undefined, values.profile), amount);
  console.log(
    `a profile of ${figures.jobsPerSecond.toFixed(0)} lifecycles/s is in ${values.profile}`,
  );
}
