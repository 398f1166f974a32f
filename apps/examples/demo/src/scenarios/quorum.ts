import { Step } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

export const quorum: Scenario = {
  name: 'quorum',
  expected: 'two webhooks must answer; one is down at first and gets it when it is back',
  async run(world, check) {
    const spareWebhook = `${world.spareApp.url}/webhooks`;
    const result = await new Step(world.client)
      .url(`${world.target.url}/quorum/status/200`)
      .webhooks([{ url: world.webhook }, { url: spareWebhook }])
      .webhookQuorum(2)
      .idempotentKey('quorum-1')
      .execute();
    const jobId = world.progress.follow('quorum', result);
    const first = await world.delivery(jobId);
    const early = await world.client.jobs.get(jobId);
    check.equal('delivered to the one that is up', first?.status, 'success');
    check.equal('quorum while one is down', early.quorum_reached_at, null);

    world.progress.say('quorum', 'starting the endpoint that was down');
    await world.spareApp.start();
    const second = await world.delivery(jobId, { app: world.spareApp, withinMs: 20_000 });
    const late = await world.eventually(async () => {
      const job = await world.client.jobs.get(jobId);
      return job.quorum_reached_at === null ? null : job;
    }, 5_000);
    await world.spareApp.kill();
    check.equal('delivered to the one that was down', second?.status, 'success');
    check.that('the second delivery was not a later attempt', (second?.attempt ?? 1) > 1);
    check.that('the quorum was not reached', late !== null);
    return `1 of 2, then 2 of 2 at attempt ${second?.attempt ?? '–'}`;
  },
};
