import { Step } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

export const fallbackChain: Scenario = {
  name: 'fallback',
  expected: '500 → slow → 200, delivered under the first step’s identity',
  async run(world, check) {
    const target = `${world.target.url}/fallback`;
    const result = await new Step(world.client)
      .url(`${target}/status/500?first`)
      .retryPolicy({ maxRetries: 0, maxReroutes: 0 })
      .fallback(
        new Step(world.client)
          .url(`${target}/slow/4000?second`)
          .fallback(new Step(world.client).url(`${target}/status/200?third`), {
            triggerOnTimeout: 400,
          }),
        { triggerOnError: [500] },
      )
      .webhooks([{ url: world.webhook }])
      .metadata({ order: 'A-17' })
      .idempotentKey('fallback-1')
      .execute();
    const jobId = world.progress.follow('fallback', result);
    const delivery = await world.delivery('fallback-1');
    const slow = await world.eventually(async () => {
      const call = (await world.calls('fallback')).find((each) => each.path.includes('/slow/'));
      return call?.aborted === true ? call : null;
    }, 3_000);
    const calls = await world.calls('fallback');
    check.equal(
      'paths at the target, in order',
      calls.map((call) => call.path.replace('/fallback', '')),
      ['/status/500', '/slow/4000', '/status/200'],
    );
    check.equal('delivered job', delivery?.jobId, jobId);
    check.equal('delivered status', delivery?.status, 'success');
    check.equal('delivered status code', delivery?.statusCode, 200);
    check.equal('path that gave the result', delivery?.path, 2);
    check.that('the slow fallback was not aborted after it lost', slow !== null);
    return `${calls.map((call) => call.status ?? 'aborted').join(' → ')}, delivered as ${delivery?.idempotentKey ?? 'nothing'}`;
  },
};
