/**
 * The main job of EZThrottle, shown: `npm run demo [-- --cluster] [-- --json] [-- --keep] [-- --only <name>]`.
 * Exits 0 when every scenario gave what it should, 1 when one differed.
 */
import { parseArgs } from 'node:util';
import { renderTable, type ScenarioReport } from './report/table.ts';
import { scenarios } from './scenarios/index.ts';
import { Check, type Scenario } from './scenarios/scenario.ts';
import { World } from './world.ts';

const { values: flags } = parseArgs({
  options: {
    /** Three nodes on a PostgreSQL of their own, one of which is killed. */
    cluster: { type: 'boolean', default: false },
    /** One JSON object on standard output instead of the table. */
    json: { type: 'boolean', default: false },
    /** Leave everything running at the end. */
    keep: { type: 'boolean', default: false },
    /** Only the scenario of this name; may be given several times. */
    only: { type: 'string', multiple: true, default: [] },
  },
});

async function runScenario(scenario: Scenario, world: World): Promise<ScenarioReport> {
  const check = new Check();
  const start = performance.now();
  let happened = '';
  try {
    happened = await scenario.run(world, check);
  } catch (error) {
    check.that(error instanceof Error ? (error.stack ?? error.message) : String(error), false);
    happened = 'it broke off';
  }
  return {
    scenario: scenario.name,
    passed: check.differences.length === 0,
    expected: scenario.expected,
    happened,
    differences: check.differences,
    milliseconds: Math.round(performance.now() - start),
  };
}

async function main(): Promise<void> {
  const chosen = scenarios.filter(
    (scenario) => flags.only.length === 0 || flags.only.includes(scenario.name),
  );
  const unknown = flags.only.filter((name) => !scenarios.some((each) => each.name === name));
  if (unknown.length > 0) {
    const known = scenarios.map((scenario) => scenario.name).join(', ');
    console.error(`no scenario named ${unknown.join(', ')}; there are: ${known}`);
    process.exitCode = 2;
    return;
  }
  const write = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  const world = await World.start(write, flags.cluster);
  const reports: ScenarioReport[] = [];
  try {
    for (const scenario of chosen) {
      write(`\n${scenario.name}: ${scenario.expected}`);
      reports.push(await runScenario(scenario, world));
    }
  } finally {
    if (!flags.keep) await world.stop();
  }
  const passed = reports.every((report) => report.passed);
  process.exitCode = passed ? 0 : 1;
  if (flags.json) process.stdout.write(`${JSON.stringify({ passed, scenarios: reports })}\n`);
  else console.log(`\n${renderTable(reports, process.stdout.isTTY)}\n`);
  if (flags.keep) write(keptRunning(world));
}

function keptRunning(world: World): string {
  const { url, apiKey, data } = world.server.facts;
  return [
    'Left running until Ctrl-C:',
    `  server   ${url}   (API key ${apiKey}, data in ${data})`,
    `  target   ${world.target.url}`,
    `  limited  ${world.limitedTarget.url}`,
    `  app      ${world.app.url}`,
  ].join('\n');
}

await main();
