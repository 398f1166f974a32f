import type { JobExplanation } from '@ezthrottle/core/protocol';
import { describe, expect, test } from 'vitest';
import { toJobSpec } from '../admit/to-job-spec.ts';
import { withAllotment } from '../pace/allotment.ts';
import { limitSettings } from '../pace/limit-settings.ts';
import { KeyPacer } from '../pace/key-pacer.ts';
import { DEFAULT_PACE, type PaceSettings } from '../pace/pace-settings.ts';
import { createPace } from '../pace/pace-state.ts';
import { explainJob, type ForetoldStart } from './job-explanation.ts';
import type { WaitedKey } from './waits.ts';

const NOW = 100_000;
const ORIGIN = 'https://api.example.com';
const KEY = `destination:${ORIGIN}`;
const WHOLE = { ...DEFAULT_PACE, ratePerSecond: 60, burst: 12, concurrency: 40, configured: true };
const ID = '019a0000-0000-7000-8000-000000000001';

interface Share {
  readonly ratePerSecond: number;
  readonly concurrency: number;
  /** Of a whole that is divided. Default: the pace of the destination. */
  readonly whole?: PaceSettings;
  /** Default: so long ago that it rests. */
  readonly movedAt?: number;
  /** What answers have left of it. Default: all. */
  readonly left?: number;
  readonly parts?: number | null;
}

/** A key of which this server has a share; null: all of it. */
function keyWith(share: Share | null, name: string | null = null): WaitedKey {
  const { whole = WHOLE, movedAt = NOW - 60_000, left = 1, parts = 8 } = share ?? {};
  const fresh = createPace(whole, NOW);
  const pace =
    share === null ? fresh : withAllotment(fresh, whole, { burst: 1, until: null, ...share }, NOW);
  const lowered = { ...pace, ratePerSecond: pace.ratePerSecond * left };
  const pacer = new KeyPacer({
    key: name ?? KEY,
    pace: lowered,
    learns: true,
    circuit: null,
    countsArrivals: false,
  });
  // Its burst is gone.
  for (; pacer.take(NOW).verdict === 'go'; ) pacer.dropped(NOW);
  const division = share === null ? null : { whole, movedAt, parts };
  return { name, isOperators: false, pacer, division, cost: 1, ahead: 9 };
}

function explained(keys: readonly WaitedKey[], more: Partial<ForetoldStart> = {}): JobExplanation {
  const call = { apiKey: 'key', lane: 'lane', at: NOW };
  const next: ForetoldStart = {
    keys,
    ahead: ['ann', 'ann', 'bob'].map((userId, index) => ({ ...call, id: `${index}`, userId })),
    startsAt: NOW + 400,
    isWhole: true,
    standing: { part: 3, ahead: 2 },
    leg: {
      id: 0,
      path: 0,
      region: 'any',
      triedRegions: [],
      retries: 0,
      reroutes: 0,
      unknowns: 0,
      heldBack: 0,
      state: 'waiting',
      readyAt: NOW,
    },
    context: { origin: ORIGIN, now: NOW, toWall: (at) => at, isLimit: () => true },
    isRegionDown: false,
    ...more,
  };
  const job = {
    id: ID,
    organization: '019a0000-0000-7000-8000-000000000002',
    idempotentKey: 'key',
    spec: toJobSpec({ url: `${ORIGIN}/report` }),
    state: 'pending' as const,
    createdAt: NOW,
    startedAt: null,
    end: null,
    parent: null,
    quorumReachedAt: null,
    keyWindowMs: 60_000,
  };
  return explainJob({ job, now: NOW, running: [], deliveries: [], next });
}

describe('a job that waits at a destination which is divided among servers', () => {
  test('is told all of the pace as what is in force, its server’s share, and how it stands in its part', () => {
    const { waits, divided, message, assumptions } = explained([
      keyWith({ ratePerSecond: 15, concurrency: 10 }),
    ]);
    expect(divided).toEqual([
      {
        key: KEY,
        whole: { rate: 60, concurrency: 40 },
        share: { rate: 15, concurrency: 10 },
        parts: 8,
        part: 3,
        position: 2,
      },
    ]);
    const path = `/api/v1/limits/${encodeURIComponent(KEY)}`;
    const change = { method: 'PATCH', path, field: 'rate', value: 60 };
    expect(waits).toMatchObject([
      {
        reason: 'rate',
        change,
        message: `the rate of ${KEY} is 60 a second, of which its server has 15`,
      },
      { reason: 'turn', change },
    ]);
    expect(message).toBe(
      'It waits: 3 calls go first, of 2 accounts; 2 of its own part of the destination, which is divided into 8.',
    );
    expect(assumptions).toContain(
      `the share that its server has of ${KEY} stays as it is: 15 of 60 a second`,
    );
  });

  test('is foretold with less confidence than one whose server has the whole, and least while shares move', () => {
    const share = { ratePerSecond: 15, concurrency: 10 };
    expect(explained([keyWith(null)]).confidence).toBe('high');
    expect(explained([keyWith(null)]).divided).toEqual([]);
    expect(explained([keyWith(share)]).confidence).toBe('medium');
    expect(explained([keyWith({ ...share, movedAt: NOW - 2_000 })]).confidence).toBe('low');
  });

  test('is told that its server has nothing of the pace, which is not foretold', () => {
    const none = keyWith({ ratePerSecond: 0, concurrency: 0 });
    const { waits, divided, confidence, message } = explained([none], {
      ahead: [],
      startsAt: null,
    });
    expect(divided).toMatchObject([
      { whole: { rate: 60, concurrency: 40 }, share: { rate: 0, concurrency: 0 }, position: null },
    ]);
    expect(waits).toMatchObject([{ reason: 'allotment', key: KEY, change: null }]);
    expect(confidence).toBeNull();
    expect(message).toBe(`It waits: the server of this job has no share of ${KEY} now.`);
  });

  test('is told what is left of the whole where answers have lowered the share', () => {
    const { divided, waits } = explained([
      keyWith({ ratePerSecond: 15, concurrency: 10, left: 0.5 }),
    ]);
    expect(divided).toMatchObject([{ whole: { rate: 30 }, share: { rate: 7.5 } }]);
    expect(waits[0]?.change?.value).toBe(30);
  });

  test('is told of its part also when the destination is about to be whole again', () => {
    const share = { ratePerSecond: 15, concurrency: 10, parts: 1 };
    expect(explained([keyWith(share)]).message).toContain('which was divided.');
  });
});

describe('a job that waits at a limit of which several servers have shares', () => {
  test('is told all of the limit as what is in force, and the share, in no parts', () => {
    const whole = limitSettings('custom', { rate: 100 }).pace;
    const share = { ratePerSecond: 20, concurrency: whole.concurrency, whole, parts: null };
    const { divided, waits, message } = explained([keyWith(null), keyWith(share, 'tokens')]);
    expect(divided).toMatchObject([
      {
        key: 'tokens',
        whole: { rate: 100 },
        share: { rate: 20 },
        parts: null,
        part: null,
        position: null,
      },
    ]);
    expect(waits.find(({ key }) => key === 'tokens')?.change?.value).toBe(100);
    expect(message).not.toContain('part');
  });

  test('of calls at the same time alone is told no rate, and the slots of its server', () => {
    const whole = limitSettings('custom', { concurrency: 12 }).pace;
    const ratePerSecond = whole.ratePerSecond / 3;
    const share = { ratePerSecond, concurrency: 4, whole, parts: null };
    const { divided, assumptions } = explained([keyWith(null), keyWith(share, 'slots')]);
    expect(divided).toMatchObject([
      { whole: { rate: null, concurrency: 12 }, share: { rate: null, concurrency: 4 } },
    ]);
    expect(assumptions).toContain(
      'the share that its server has of slots stays as it is: 4 of 12 calls at a time',
    );
  });
});
