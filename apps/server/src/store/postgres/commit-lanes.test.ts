import type { Operation, Verdict } from '@ezthrottle/engine';
import { endingAdvance, newAdvance, newClaim, newJob } from '@ezthrottle/testkit/store-data';
import { describe, expect, it } from 'vitest';
import { CommitLanes } from './commit-lanes.ts';

const OK: Verdict = { verdict: 'ok' };
const PRUNE: Operation = { type: 'prune', now: 0, jobsEndedBefore: 0, limit: 1 };

interface Begun {
  readonly lane: number;
  readonly batch: readonly Operation[];
  readonly end: (error?: Error) => void;
}

/** Lanes whose batches end when the test says so. */
function scripted(count: number): { readonly lanes: CommitLanes; readonly begun: Begun[] } {
  const begun: Begun[] = [];
  const lanes = Array.from({ length: count }, (_, lane) => ({
    commit: (batch: readonly Operation[]) =>
      new Promise<readonly Verdict[]>((resolve, reject) => {
        const end = (error?: Error): void =>
          error === undefined ? resolve(batch.map(() => OK)) : reject(error);
        begun.push({ lane, batch, end });
      }),
  }));
  return { lanes: new CommitLanes(lanes), begun };
}

const submit = (overrides: Parameters<typeof newJob>[0] = {}): Operation => ({
  type: 'submit',
  job: newJob(overrides),
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('lanes of commits', () => {
  it('write batches that have nothing to do with each other at the same time, as many as there are lanes', async () => {
    const { lanes, begun } = scripted(2);
    const given = [1, 2, 3].map(() => lanes.commit([submit()]));
    expect(begun.map(({ lane }) => lane)).toEqual([0, 1]);
    begun[1]?.end();
    expect(await given[1]).toEqual([OK]);
    await turn();
    expect(begun.map(({ lane }) => lane)).toEqual([0, 1, 1]);
    for (const { end } of begun) end();
    expect(await Promise.all(given)).toEqual([[OK], [OK], [OK]]);
  });

  it.each([
    ['the same job', [newAdvance('a job', 1), newAdvance('a job', 2)]],
    ['the same key', ['k', 'k'].map((key) => submit({ idempotency: newClaim(key) }))],
    ['what may touch anything', [submit(), PRUNE]],
    ['anything behind what may touch it', [PRUNE, endingAdvance('a job', 1)]],
  ] satisfies readonly (readonly [string, readonly Operation[]])[])(
    'write %s one after the other',
    async (_what, operations) => {
      const { lanes, begun } = scripted(2);
      const given = operations.map((operation) => lanes.commit([operation]));
      expect(begun.map(({ batch }) => batch)).toEqual([operations.slice(0, 1)]);
      begun[0]?.end();
      await turn();
      expect(begun.map(({ batch }) => batch)).toEqual(operations.map((each) => [each]));
      begun[1]?.end();
      await Promise.all(given);
    },
  );

  it('let none pass by one that waits: what came first is written first', async () => {
    const { lanes, begun } = scripted(2);
    const [first, second, other] = [newAdvance('a', 1), newAdvance('a', 2), newAdvance('b', 1)];
    const given = [first, second, other].map((operation) => lanes.commit([operation]));
    expect(begun.length).toBe(1);
    begun[0]?.end();
    await turn();
    expect(begun.map(({ batch }) => batch[0])).toEqual([first, second, other]);
    for (const { end } of begun) end();
    await Promise.all(given);
  });

  it('go on after a batch that has failed, and are idle when all are settled', async () => {
    const { lanes, begun } = scripted(1);
    const failing = lanes.commit([submit()]);
    const next = lanes.commit([submit()]);
    let isIdle = false;
    const idle = lanes.idle().then(() => {
      isIdle = true;
    });
    begun[0]?.end(new Error('cut'));
    await expect(failing).rejects.toThrow('cut');
    await turn();
    expect([begun.length, isIdle]).toEqual([2, false]);
    begun[1]?.end();
    expect(await next).toEqual([OK]);
    await idle;
    await lanes.idle();
  });
});
