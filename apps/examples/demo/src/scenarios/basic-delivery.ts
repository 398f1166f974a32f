import { Step } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

export const basicDelivery: Scenario = {
  name: 'basic',
  expected: 'one call to the target, one signed delivery to the app',
  async run(world, check) {
    const result = await new Step(world.client)
      .url(`${world.target.url}/basic/status/200`)
      .method('POST')
      .json({ hello: 'world' })
      .webhooks([{ url: world.webhook }])
      .idempotentKey('basic-1')
      .execute();
    const jobId = world.progress.follow('basic', result);
    const delivery = await world.delivery(jobId);
    const calls = await world.calls('basic');
    check.equal('calls at the target', calls.length, 1);
    check.equal('body at the target', calls[0]?.body, '{"hello":"world"}');
    check.equal('delivered status', delivery?.status, 'success');
    check.equal('delivered key', delivery?.idempotentKey, 'basic-1');
    check.equal('delivered status code', delivery?.statusCode, 200);
    return `${calls.length} call, delivered as ${delivery?.status ?? 'nothing'}`;
  },
};
