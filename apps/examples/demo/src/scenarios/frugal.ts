import { Step, StepType } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

export const frugal: Scenario = {
  name: 'frugal',
  expected: '200 stays local · 429 is forwarded, retried and delivered by the server',
  async run(world, check) {
    const local = await new Step(world.client)
      .url(`${world.target.url}/frugal/status/200`)
      .type(StepType.FRUGAL)
      .execute();
    const forwarded = await new Step(world.client)
      .url(`${world.target.url}/frugal-429/once-then-ok/429`)
      .type(StepType.FRUGAL)
      .fallbackOnError([429])
      .webhooks([{ url: world.webhook }])
      .idempotentKey('frugal-429')
      .execute();
    const jobId = world.progress.follow('frugal', forwarded);
    const delivery = await world.delivery(jobId);
    const localCalls = await world.calls('frugal');
    const forwardedCalls = await world.calls('frugal-429');
    check.equal('kind of the local result', local.kind, 'local');
    check.equal(
      'calls of the local one',
      localCalls.map((call) => call.jobId),
      [null],
    );
    check.equal('kind of the forwarded result', forwarded.kind, 'submitted');
    check.equal(
      'who called: the app first, then the server',
      forwardedCalls.map((call) => (call.jobId === null ? 'app' : 'server')),
      ['app', 'server'],
    );
    check.equal('delivered status', delivery?.status, 'success');
    return `${local.kind}, then ${forwarded.kind} and ${delivery?.status ?? 'not delivered'}`;
  },
};
