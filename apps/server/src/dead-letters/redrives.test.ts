import { REDRIVE_BOUNDS } from '@ezthrottle/core/protocol';
import {
  newRedrive,
  type Operation,
  type Redrive,
  type RedriveItem,
  type RedriveRecord,
} from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import type { RedriveKind } from './redrive-kinds.ts';
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

const ASKED = {
  of: 'jobs',
  filter: {},
  reason: 'the target is well again',
  actor: null,
  apiKey: null,
  rate: 10,
  canary: 0,
  maxFailurePercent: 10,
  maxItems: 10_000,
  edit: {},
} as const;

/** A redrive that runs, of so many dead letters: all were sent before, but for the last ones. */
function behindMany(before: number, fresh: number) {
  const clock = new FakeClock();
  const record = (redrive: Redrive, version: number): RedriveRecord => ({
    id: 'the-redrive',
    organization: 'one',
    data: JSON.stringify(redrive),
    version,
    createdAt: 0,
    endedAt: null,
  });
  let stored = record(newRedrive(ASKED), 1);
  const listed = new Map<number, RedriveItem>();
  const steps: number[] = [];
  const dead = (place: number) => {
    const id = String(place);
    return { id, place: { at: place, id }, reason: 'target_refused', destination: 'a' };
  };
  const kindOfMany: RedriveKind = {
    async next(_organization, { cursor }, limit) {
      const from = (cursor?.at ?? 0) + 1;
      const most = Math.min(limit, before + fresh - from + 1);
      const found = Array.from({ length: most }, (_, index) => dead(from + index));
      return { found, next: from + most > before + fresh ? null : (found.at(-1)?.place ?? null) };
    },
    leftOut: async (_organization, _redrive, { place }) =>
      place.at <= before ? { why: 'already', result: `new-${place.at}` } : null,
    async send(_organization, _id, _redrive, { id, place }) {
      const outcome = place.at <= before ? 'already' : 'sent';
      return { tried: { source: id, result: `new-${place.at}`, outcome }, replayAt: null };
    },
    outcomeOf: async () => 'succeeded',
  };
  const options: RedrivesOptions = {
    reads: {
      get: async () => stored,
      list: async () => [],
      items: async () => [...listed.values()].filter(({ outcome }) => outcome === 'sent'),
      running: async () => [stored],
    },
    async commit(operation: Operation) {
      const put = operation.type === 'audited' ? operation.operation : operation;
      if (put.type !== 'put_redrive') throw new Error(`not expected: ${put.type}`);
      stored = put.redrive;
      for (const item of put.items) listed.set(item.number, item);
      steps.push(put.items.length);
      return { verdict: 'ok' };
    },
    kinds: { jobs: kindOfMany, deliveries: kindOfMany },
    audit: { entry: () => ({ ...NOTED }) },
    clock,
    hasRoom: async () => true,
    onReplayed: () => undefined,
    logger: { error: () => undefined },
  };
  const shown = (): Redrive => JSON.parse(stored.data);
  return { clock, redrives: createRedrives(options), shown, listed, steps };
}

const NOTED = {
  id: 'noted',
  organization: 'one',
  at: 0,
  actor: null,
  apiKey: null,
  action: 'redrive.complete',
  target: 'the-redrive',
  reason: null,
  before: null,
  after: null,
} as const;

test('however many were sent before, a redrive sends what waits behind them, and is seen coming there', async () => {
  const { clock, redrives, shown, steps } = behindMany(12_000, 3);
  await redrives.start();
  await clock.advance(1_000);
  const early = shown().counts;
  expect(early.already).toBeGreaterThan(100);
  expect(early.already).toBeLessThan(12_000);
  await clock.advance(20_000);
  expect(shown()).toMatchObject({
    state: 'completed',
    counts: { already: 12_000, succeeded: 3, sent: 0 },
  });
  // No step is larger for it.
  expect(Math.max(...steps)).toBeLessThanOrEqual(100);
  await redrives.stop();
});

test('of what a redrive passes over, so many are listed and the rest is counted; what it sends is listed always', async () => {
  const most = REDRIVE_BOUNDS.items;
  const { clock, redrives, shown, listed } = behindMany(most + 5_000, 2);
  await redrives.start();
  await clock.advance(120_000);
  expect(shown().counts).toMatchObject({ already: most + 5_000, succeeded: 2 });
  expect(listed.size).toBe(most + 2);
  expect([...listed.values()].slice(-2).map(({ number }) => number)).toEqual([
    most + 5_001,
    most + 5_002,
  ]);
  await redrives.stop();
});
