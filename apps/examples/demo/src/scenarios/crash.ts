import { IdempotentStrategy, Step } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

const JOBS = 40;

export const crash: Scenario = {
  name: 'crash',
  expected: `kill -9 with ${JOBS} jobs queued and in flight: nothing lost`,
  async run(world, check) {
    const submits = Array.from({ length: JOBS }, () =>
      new Step(world.client)
        .url(`${world.target.url}/crash/slow/700`)
        .idempotentStrategy(IdempotentStrategy.UNIQUE)
        .webhooks([{ url: world.webhook }])
        .execute(),
    );
    const results = await Promise.all(submits);
    const ids = results.map((result) => (result.kind === 'submitted' ? result.job_id : ''));
    await world.eventually(async () => {
      return (await world.calls('crash')).length >= 3 ? true : null;
    }, 10_000);
    const before = await world.calls('crash');
    const unanswered = before.filter((call) => call.status === null).length;
    world.progress.say('crash', `kill -9, ${unanswered} calls in flight`);
    await world.server.kill();
    await world.server.recover();
    world.progress.say('crash', 'going on');

    const deliveries = await Promise.all(ids.map((id) => world.delivery(id, { withinMs: 30_000 })));
    const delivered = deliveries.filter((each) => each?.status === 'success').length;
    const calls = await world.calls('crash');
    const attempts = calls.map((call) => `${call.jobId ?? ''}/${call.attempt ?? ''}`);
    check.that('no call was in flight at the kill', unanswered > 0);
    check.equal('delivered', delivered, JOBS);
    check.equal('attempt numbers sent twice', attempts.length - new Set(attempts).size, 0);
    return `${delivered} of ${JOBS} delivered, ${calls.length - JOBS} calls repeated`;
  },
};
