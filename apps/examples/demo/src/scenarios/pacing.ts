import { IdempotentStrategy, Step } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

const JOBS = 30;
const PER_SECOND = 10;

export const pacing: Scenario = {
  name: 'pacing',
  expected: `${JOBS} jobs at an API that allows ${PER_SECOND}/s: no 429 after its first answer`,
  async run(world, check) {
    const url = `${world.limitedTarget.url}/pacing/limited/${PER_SECOND}`;
    const submits = Array.from({ length: JOBS }, () =>
      new Step(world.client)
        .url(url)
        .idempotentStrategy(IdempotentStrategy.UNIQUE)
        .webhooks([{ url: world.webhook }])
        .execute(),
    );
    const results = await Promise.all(submits);
    const ids = results.map((result, index) =>
      world.progress.follow(`pacing ${index + 1}/${JOBS}`, result),
    );
    const deliveries = await Promise.all(ids.map((id) => world.delivery(id, { withinMs: 30_000 })));
    const calls = await world.calls('pacing', world.limitedTarget);
    const refused = calls.slice(1).filter((call) => call.status === 429).length;
    const delivered = deliveries.filter((each) => each?.status === 'success').length;
    const first = calls[0]?.at ?? 0;
    const seconds = ((calls.at(-1)?.at ?? first) - first) / 1_000;
    check.equal('429s after the first answer', refused, 0);
    check.equal('delivered', delivered, JOBS);
    check.equal('calls at the target', calls.length, JOBS);
    check.that(`took ${seconds} s, so the pace was not taken up`, seconds < 6);
    return `${delivered} delivered in ${seconds.toFixed(1)} s, ${refused} × 429`;
  },
};
