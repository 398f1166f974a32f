import type { Id } from '@ezthrottle/engine';
import { newPath, ORGANIZATION, ORIGIN } from '@ezthrottle/testkit/store-data';
import { afterEach, describe, expect, test } from 'vitest';
import { type DispatchHarness, openDispatchHarness } from './dispatch-harness.ts';

let harness: DispatchHarness;

afterEach(async () => {
  await harness[Symbol.asyncDispose]();
});

async function open(slots: number): Promise<void> {
  harness = await openDispatchHarness({
    pace: { ratePerSecond: 1_000, concurrency: slots, configured: true },
  });
  breakExecutor();
}

/** Calls to these addresses cannot be made ready: whoever is handed one throws. */
function breakExecutor(): void {
  harness.executor.script = ({ url }) => {
    if (url.endsWith('/bad')) throw new RangeError('Invalid string length');
    return {};
  };
}

function submit(name: string): Promise<Id> {
  return harness.submit({ paths: [newPath({ url: `${ORIGIN}/${name}` })] });
}

async function stateOf(id: Id): Promise<string | undefined> {
  return (await harness.store.jobs.get(ORGANIZATION.id, id))?.state;
}

describe('a call that cannot be made', () => {
  test('ends its job, gives its slot back, and holds up nobody', async () => {
    await open(1);
    const bad = await submit('bad');
    const good = await submit('good');
    await harness.runUntil(async () => (await stateOf(good)) === 'completed');
    expect(await stateOf(bad)).toBe('failed');
    expect(harness.dispatcher.counts().inFlight).toBe(0);
    const attempts = await harness.store.jobs.attempts(bad);
    expect(attempts).toMatchObject([{ outcome: 'refused' }]);
    expect(JSON.stringify(attempts)).toContain('call_not_made');
    expect(harness.logged.join()).toContain('calls could not be handed over');
  });

  test('leaves no call of those handed over with it behind', async () => {
    await open(8);
    const names = ['good-1', 'bad', 'good-2'];
    const ids = await Promise.all(names.map(submit));
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 2);
    await harness.runUntil(async () => (await stateOf(ids[1] ?? '')) === 'failed', 600_000, 100);
    expect(harness.dispatcher.counts().inFlight).toBe(0);
  });

  test('is no reason for the next start to fail', async () => {
    await open(1);
    harness.executor.script = () => ({ afterMs: 'never' });
    const bad = await submit('bad');
    await harness.runUntil(() => harness.executor.sent.length === 1);
    await harness.restart();
    breakExecutor();
    const good = await submit('good');
    await harness.runUntil(async () => (await stateOf(good)) === 'completed', 600_000, 100);
    expect(await stateOf(bad)).toBe('failed');
  });
});
