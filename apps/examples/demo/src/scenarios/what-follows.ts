import { Step } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

export const whatFollows: Scenario = {
  name: 'follows',
  expected: 'on_success after 200 and on_failure after 400, each delivered on its own',
  async run(world, check) {
    const target = `${world.target.url}/follows`;
    const step = (path: string, key: string): Step =>
      new Step(world.client)
        .url(`${target}/${path}`)
        .webhooks([{ url: world.webhook }])
        .idempotentKey(key);

    const good = await step('status/200?good', 'follows-good')
      .onSuccess(step('status/200?after-good', 'follows-after-good'))
      .onFailure(step('status/200?never', 'follows-never-1'))
      .execute();
    const bad = await step('status/400?bad', 'follows-bad')
      .onSuccess(step('status/200?never', 'follows-never-2'))
      .onFailure(step('status/201?after-bad', 'follows-after-bad'))
      .execute();
    world.progress.follow('on_success', good);
    world.progress.follow('on_failure', bad);

    const afterGood = await world.delivery('follows-after-good');
    const afterBad = await world.delivery('follows-after-bad');
    const failed = await world.delivery('follows-bad');
    const calls = await world.calls('follows');
    check.equal('delivered after success', afterGood?.status, 'success');
    check.equal('delivered after failure', afterBad?.statusCode, 201);
    check.equal('the failed step itself', failed?.status, 'failed');
    check.equal('its status code', failed?.statusCode, 400);
    check.equal('calls at the target', calls.length, 4);
    const all = await world.received();
    check.that(
      'a branch ran that should not have',
      all.every((each) => !each.idempotentKey?.startsWith('follows-never')),
    );
    return `${calls.length} calls; after-good ${afterGood?.status ?? '–'}, after-bad ${afterBad?.status ?? '–'}`;
  },
};
