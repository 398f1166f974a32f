import { Step } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

export const regionRace: Scenario = {
  name: 'race',
  expected: 'three regions start, lax wins, the other two are aborted',
  async run(world, check) {
    const result = await new Step(world.client)
      .url(`${world.target.url}/race/race`)
      .regions(['iad', 'lax', 'ord'])
      .executionMode('race')
      .webhooks([{ url: world.webhook }])
      .idempotentStrategy('unique')
      .execute();
    check.equal('status of the submit', result.status, 'racing');
    const delivery = await world.delivery(world.progress.follow('race', result));
    const aborted = await world.eventually(async () => {
      const losers = (await world.calls('race')).filter((call) => call.aborted);
      return losers.length === 2 ? losers : null;
    }, 3_000);
    const calls = await world.calls('race');
    const winner = calls.find((call) => call.status === 200);
    const losers = (aborted ?? []).map((call) => call.region ?? '').toSorted();
    check.equal('delivered status', delivery?.status, 'success');
    check.equal('calls at the target', calls.length, 3);
    check.equal('region that answered', winner?.region, 'lax');
    check.equal('regions that were aborted', losers, ['iad', 'ord']);
    return `${winner?.region ?? 'nobody'} won, aborted: ${losers.join(', ') || 'none'}`;
  },
};
