import type { Scenario } from './scenario.ts';

interface StartedChain {
  readonly pid: number;
}

/** FRUGAL → PERFORMANCE → FRUGAL; the last step runs in the app when the delivery has come. */
function chain(name: string, restartInBetween: boolean): Scenario {
  return {
    name,
    expected: restartInBetween
      ? 'the app restarts in between; the new process runs the last step'
      : 'app → server → app: the last step runs when the delivery arrives',
    async run(world, check) {
      const response = await fetch(`${world.app.url}/chains/${name}`, { method: 'POST' });
      const started: StartedChain = JSON.parse(await response.text());
      const second = await world.eventually(async () => {
        return (await world.calls(name)).find((call) => call.path.includes('/slow/')) ?? null;
      }, 10_000);
      check.that('the second step did not reach the target', second !== null);
      if (restartInBetween) {
        world.progress.say(name, 'killing the app while the server works');
        await world.app.restart();
      }
      const third = await world.eventually(async () => {
        return (await world.calls(name)).find((call) => call.body === 'carried on') ?? null;
      }, 20_000);
      const calls = await world.calls(name);
      check.equal(
        'who made the calls',
        calls.map((call) => (call.jobId === null ? 'app' : 'server')),
        ['app', 'server', 'app'],
      );
      check.that('the last step did not run', third !== null);
      check.equal('the app was restarted', world.app.pid !== started.pid, restartInBetween);
      return `${calls.map((call) => (call.jobId === null ? 'app' : 'server')).join(' → ')}`;
    },
  };
}

export const continuation: Scenario = chain('chain', false);
export const continuationAfterRestart: Scenario = chain('chain-restart', true);
