import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { readyRoute } from './health.ts';
import type { Call } from './route.ts';

const call: Call = {
  body: undefined,
  params: {},
  query: {},
  header: () => null,
  requestId: 'request',
  onGone: () => undefined,
};

describe('readiness', () => {
  test.each([
    ['is given while the store answers', false, async () => null, 200, 'ready'],
    ['is denied while the server stops', true, async () => null, 503, 'stopping'],
    [
      'is denied once the store has failed',
      false,
      async () => {
        throw new Error('no disk');
      },
      503,
      'store_failed',
    ],
  ])('%s', async (_name, isStopping, readStore, status, told) => {
    const route = readyRoute({ clock: new FakeClock(), isStopping: () => isStopping, readStore });
    if (route.access !== 'public') throw new Error('it needs no key');
    expect(await route.handle(call)).toEqual({ status, body: { status: told } });
  });

  test('is denied when the store says nothing for three seconds', async () => {
    const clock = new FakeClock();
    const route = readyRoute({
      clock,
      isStopping: () => false,
      readStore: () => new Promise(() => undefined),
    });
    if (route.access !== 'public') throw new Error('it needs no key');
    const answer = route.handle(call);
    await clock.advance(3_000);
    expect(await answer).toEqual({ status: 503, body: { status: 'store_failed' } });
  });
});
