// pnpm bench adapters [--quick] [--only Express,Fastify]
//
// Measures the framework adapters beside bare handlers and the ways of others, by the processor time
// of the app's process.

import { parseArgs } from 'node:util';
import { printMachine } from '../machine.ts';
import { tableOf } from '../numbers.ts';
import { estimateOf, measureInTurn, ratiosOf, shownEstimate, type Rounds } from '../sdk/rounds.ts';
import { App, nameOf } from './app.ts';
import { WAYS, type Way } from './framework.ts';
import { FRAMEWORKS } from './frameworks.ts';

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const asked = values.only?.split(',') ?? Object.keys(FRAMEWORKS);
const unknown = asked.filter((name) => FRAMEWORKS[name] === undefined);
if (unknown.length > 0) {
  const known = Object.keys(FRAMEWORKS).join(', ');
  console.error(`usage: bench adapters [--quick] [--only <framework>,…]   frameworks: ${known}`);
  process.exit(2);
}
/** What each way is compared with. */
const OTHERS: readonly Way[] = ['bare', 'direct', 'signed'];
process.env['NODE_ENV'] = 'production';
/** New processes: what one has happened to lay out well in memory, the next one has not. */
const generations = values.quick ? 1 : 3;
const rounds = values.quick ? 5 : 7;
const times = 1_000;
/**
 * Rounds that do not count: the compiler works on other threads, and its processor time is the process's. An
 * app of twice as much code is compiled for twice as long.
 */
const warmUp = values.quick ? 20 : 60;
printMachine();
for (const framework of asked) await measure(framework);

async function measure(framework: string): Promise<void> {
  const offered = await FRAMEWORKS[framework]?.();
  const ways = WAYS.filter((way) => offered?.[way] !== undefined);
  const all = new Map<string, number[]>(ways.map((way) => [nameOf(framework, way), []]));
  for (let generation = 0; generation < generations; generation += 1) {
    for (const [name, figures] of await measureGeneration(framework, ways)) {
      all.get(name)?.push(...figures);
    }
  }
  console.log(`\n${framework}, ${generations * rounds} rounds of ${times} deliveries\n`);
  const rows = ways.map((way) => [way, ...figuresOf(all, framework, way)]);
  console.log(tableOf([['', 'CPU µs', ...OTHERS.map((other) => `as ${other}`)], ...rows]));
}

async function measureGeneration(framework: string, ways: readonly Way[]): Promise<Rounds> {
  await using apps = new AsyncDisposableStack();
  const cases: App[] = [];
  for (const way of ways) cases.push(apps.use(await App.start(framework, way)));
  // In turns, for no app may be left alone until it closes its connections.
  await measureInTurn(cases, { rounds: warmUp, times });
  return await measureInTurn(cases, { rounds, times });
}

function figuresOf(all: Rounds, framework: string, way: Way): readonly string[] {
  const name = nameOf(framework, way);
  const as = (other: Way): string =>
    shownEstimate(estimateOf(ratiosOf(all, name, nameOf(framework, other))), 2);
  const against = OTHERS.map((other) => (all.has(nameOf(framework, other)) ? as(other) : '-'));
  return [shownEstimate(estimateOf(all.get(name) ?? []), 1), ...against];
}
