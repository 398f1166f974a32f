import { FakeClock } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import { createRedrives, type RedrivesOptions } from './redrives.ts';

const unused = (): Promise<never> => Promise.reject(new Error('nothing is sent here'));
const kind = { next: unused, leftOut: unused, send: unused, outcomeOf: unused };

function nodeThatSends() {
  const clock = new FakeClock();
  let looks = 0;
  const options: RedrivesOptions = {
    reads: {
      get: async () => null,
      list: async () => [],
      items: async () => [],
      async running() {
        looks += 1;
        return [];
      },
    },
    commit: unused,
    kinds: { jobs: kind, deliveries: kind },
    audit: {
      entry() {
        throw new Error('nothing is noted here');
      },
    },
    clock,
    hasRoom: async () => true,
    onReplayed: () => undefined,
    logger: { error: () => undefined },
    isOurs: () => true,
  };
  return { clock, redrives: createRedrives(options), looks: () => looks };
}

test('what another node has begun is looked for once a second, and in the next round after news of it', async () => {
  const { clock, redrives, looks } = nodeThatSends();
  await redrives.start();
  await clock.advance(10_000);
  const seldom = looks();
  expect(seldom).toBeLessThan(13);

  redrives.begunElsewhere();
  await clock.advance(250);

  expect(looks()).toBe(seldom + 1);
  await redrives.stop();
});
