import { IdempotentStrategy, Step } from '@ezthrottle/core';
import type { Scenario } from './scenario.ts';

export const idempotency: Scenario = {
  name: 'idempotency',
  expected: 'HASH: one job · UNIQUE: two jobs · own key: one job',
  async run(world, check) {
    const submit = async (path: string, change: (step: Step) => Step): Promise<string> => {
      const step = new Step(world.client).url(`${world.target.url}/idempotency/status/200?${path}`);
      const result = await change(step)
        .webhooks([{ url: world.webhook }])
        .execute();
      return result.kind === 'submitted' ? result.job_id : '';
    };
    const hash = (step: Step): Step => step.idempotentStrategy(IdempotentStrategy.HASH);
    const unique = (step: Step): Step => step.idempotentStrategy(IdempotentStrategy.UNIQUE);
    const ownKey = (step: Step): Step => step.idempotentKey('order-4711');

    const byHash = new Set([await submit('hash', hash), await submit('hash', hash)]);
    const byUnique = new Set([await submit('unique', unique), await submit('unique', unique)]);
    const byKey = new Set([await submit('key-a', ownKey), await submit('key-b', ownKey)]);
    for (const id of [...byHash, ...byUnique, ...byKey]) await world.delivery(id);
    const calls = await world.calls('idempotency');
    check.equal('jobs by HASH', byHash.size, 1);
    check.equal('jobs by UNIQUE', byUnique.size, 2);
    check.equal('jobs by own key', byKey.size, 1);
    check.equal('calls at the target', calls.length, 4);
    return `${byHash.size} · ${byUnique.size} · ${byKey.size}, ${calls.length} calls`;
  },
};
