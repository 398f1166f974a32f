import type { FallbackJobRequest, JobRequest, TriggerRequest } from '@ezthrottle/core/protocol';
import fc from 'fast-check';
import { assert, describe, expect, it } from 'vitest';
import type { Effect } from '../job/effect.ts';
import type { Outcome } from '../job/outcome.ts';
import type { RunState } from '../job/run.ts';
import { MAX_UNKNOWNS } from './after-attempt.ts';
import {
  JobScript,
  REFUSED,
  START,
  status,
  TIMEOUT,
  UNKNOWN,
  UNREACHABLE,
} from './job-script.test-support.ts';
import { isTooLate } from './wake.ts';

const child: JobRequest = { url: 'https://child.example.com' };

const triggers: fc.Arbitrary<TriggerRequest> = fc.oneof(
  fc.constant({}),
  fc.constant({ type: 'on_error' as const, codes: [404, 500] }),
  fc.integer({ min: 1, max: 2_000 }).map((ms) => ({ type: 'on_timeout' as const, timeout_ms: ms })),
);

const calls: fc.Arbitrary<JobRequest> = fc.record(
  {
    url: fc.constant('https://api.example.com/call'),
    regions: fc.subarray(['iad', 'lax', 'ord']),
    region_policy: fc.constantFrom('fallback' as const, 'strict' as const),
    execution_mode: fc.constantFrom('race' as const, 'fanout' as const, 'failover' as const),
    retry_policy: fc.record({
      max_retries: fc.integer({ min: 0, max: 2 }),
      max_reroutes: fc.integer({ min: 0, max: 2 }),
    }),
    hedge_after_ms: fc.integer({ min: 1, max: 2_000 }),
    on_success: fc.constant(child),
    on_failure: fc.constant(child),
  },
  { requiredKeys: ['url'] },
);

const jobs: fc.Arbitrary<JobRequest> = fc
  .record({
    own: calls,
    fallbacks: fc.array(fc.tuple(calls, triggers), { maxLength: 4 }),
    more: fc.record(
      {
        on_failure_timeout_ms: fc.integer({ min: 1, max: 20_000 }),
        retry_at: fc.integer({ min: START - 1_000, max: START + 5_000 }),
        execute_before: fc.integer({ min: START - 1_000, max: START + 10_000 }),
        repeat: fc.constantFrom('allowed' as const, 'never' as const),
        webhooks: fc.constant([{ url: 'https://a.example' }, { url: 'https://b.example' }]),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ own, fallbacks, more }) => {
    const chain = fallbacks.reduceRight<FallbackJobRequest | undefined>(
      (next, [call, trigger]) => ({
        ...call,
        trigger,
        ...(next === undefined ? {} : { fallback_job: next }),
      }),
      undefined,
    );
    return { ...own, ...more, ...(chain === undefined ? {} : { fallback_job: chain }) };
  });

const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constantFrom(200, 404, 429, 500, 503).map((code) => status(code)),
  fc.constantFrom(429, 503).map((code) => status(code, { 'retry-after': '2' })),
  fc.constantFrom(TIMEOUT, UNKNOWN, REFUSED, UNREACHABLE, { kind: 'aborted' as const }),
);

type Move =
  | { readonly type: 'send'; readonly pick: number }
  | { readonly type: 'settle'; readonly pick: number; readonly outcome: Outcome }
  | { readonly type: 'repeat'; readonly pick: number; readonly outcome: Outcome }
  | { readonly type: 'forge'; readonly outcome: Outcome }
  | { readonly type: 'wake' }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'regions'; readonly live: readonly string[] | 'any' }
  | { readonly type: 'cancel' };

const pick = fc.nat(20);
const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant('send' as const), pick }) },
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('settle' as const), pick, outcome: outcomes }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('repeat' as const), pick, outcome: outcomes }),
    },
    fc.record({ type: fc.constant('forge' as const), outcome: outcomes }),
    { weight: 2, arbitrary: fc.constant({ type: 'wake' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.nat(3_000) }),
    },
    fc.record({
      type: fc.constant('regions' as const),
      live: fc.constantFrom('any' as const, ['iad'], ['lax', 'fra'], []),
    }),
    { weight: 1, arbitrary: fc.constant({ type: 'cancel' as const }) },
  ),
  { maxLength: 60 },
);

/** The line at the destination and the calls under way, as effects alone describe them. */
class Outside {
  readonly line = new Map<number, number>();
  readonly underWay = new Map<number, { readonly attempt: number; readonly token: string }>();
  readonly reported: { leg: number; attempt: number; token: string }[] = [];

  follow(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'enqueue') this.line.set(effect.leg, effect.readyAt);
      if (effect.type === 'withdraw') {
        assert.strictEqual(this.underWay.get(effect.leg)?.attempt ?? null, effect.attempt);
        this.line.delete(effect.leg);
        this.underWay.delete(effect.leg);
      }
    }
  }

  agreesWith({ legs, end }: RunState): void {
    const waiting = legs.flatMap((leg) => (leg.state === 'waiting' ? [[leg.id, leg.readyAt]] : []));
    const armed = legs.flatMap((leg) => (leg.state === 'armed' ? [[leg.id, leg.attempt]] : []));
    assert.deepEqual(Object.fromEntries(this.line), Object.fromEntries(waiting));
    const calls = [...this.underWay].map(([leg, { attempt }]) => [leg, attempt]);
    assert.deepEqual(Object.fromEntries(calls), Object.fromEntries(armed));
    if (end !== null) assert.strictEqual(waiting.length + armed.length, 0);
  }
}

function play(job: JobScript, outside: Outside, move: Move): void {
  const before = job.run;
  switch (move.type) {
    case 'send': {
      const leg = chosen([...outside.line.keys()], move.pick);
      // As whoever arms attempts does.
      if (leg === null || isTooLate(job.spec, START + job.at)) return;
      const attempt = job.send(leg);
      assert.strictEqual(attempt, before.attempts + 1);
      outside.line.delete(leg);
      outside.underWay.set(leg, { attempt, token: `token-${leg}-${attempt}` });
      return;
    }
    case 'settle': {
      const leg = chosen([...outside.underWay.keys()], move.pick);
      const call = leg === null ? undefined : outside.underWay.get(leg);
      if (leg === null || call === undefined) return;
      outside.underWay.delete(leg);
      outside.reported.push({ leg, ...call });
      outside.follow(job.settle(leg, move.outcome));
      return;
    }
    case 'repeat': {
      const old = chosen(outside.reported, move.pick);
      if (old === null) return;
      assert.deepEqual(job.decide({ type: 'outcome', ...old, outcome: move.outcome }), []);
      assert.strictEqual(job.run, before);
      return;
    }
    case 'forge': {
      const [leg, call] = [...outside.underWay][0] ?? [];
      if (leg === undefined || call === undefined) return;
      const forged = { type: 'outcome' as const, leg, attempt: call.attempt, token: 'forged' };
      assert.deepEqual(job.decide({ ...forged, outcome: move.outcome }), []);
      assert.strictEqual(job.run, before);
      return;
    }
    case 'wake':
    case 'cancel':
      outside.follow(job.decide({ type: move.type }));
      return;
    case 'pass':
      job.at += move.ms;
      return;
    case 'regions':
      job.liveRegions = move.live;
  }
}

function chosen<T>(candidates: readonly T[], index: number): T | null {
  return candidates[index % Math.max(1, candidates.length)] ?? null;
}

/** Plays the moves, then lets time run out, and hands each state to the check. */
function playOut(
  request: JobRequest,
  script: readonly Move[],
  check: (job: JobScript, outside: Outside) => void,
): JobScript {
  const job = new JobScript(request, { hedging: { latencyMs: () => 50, allows: () => true } });
  const outside = new Outside();
  outside.follow(job.effects);
  for (const move of script) {
    play(job, outside, move);
    check(job, outside);
  }
  job.at += 86_400_000 + 5_000;
  play(job, outside, { type: 'wake' });
  check(job, outside);
  return job;
}

describe('whatever happens to a job', () => {
  it('knows what stands in line and what is under way', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        playOut(request, script, (job, outside) => outside.agreesWith(job.run));
      }),
    );
  });

  it('ends exactly once, and nothing follows its end', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        const job = playOut(request, script, () => undefined);
        expect(job.effects.filter(({ type }) => type === 'end')).toHaveLength(1);
        const afterEnd = job.effects.slice(job.effects.findIndex(({ type }) => type === 'end') + 1);
        const allowed = ['spawn', 'deliver', 'wake'];
        expect(afterEnd.every(({ type }) => allowed.includes(type))).toBe(true);
        expect(job.wakeAt).toBeNull();
        expect(job.effects).toContainEqual({ type: 'end', end: job.run.end });
      }),
    );
  });

  it('has at most one success, but for the regions of one fan-out', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        const { run, spec } = playOut(request, script, () => undefined);
        const successes = run.legs.filter(
          (leg) => leg.state === 'ended' && leg.result === 'success',
        );
        const single = successes.filter(({ path }) => spec.paths[path]?.executionMode !== 'fanout');
        expect(single.length).toBeLessThanOrEqual(1);
        expect(run.paths.filter(({ state }) => state === 'succeeded').length).toBe(
          run.end?.state === 'completed' ? 1 : 0,
        );
      }),
    );
  });

  it('starts each of its paths once at most', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        const { run, spec } = playOut(request, script, () => undefined);
        const legs = spec.paths.map(
          (_, path) => run.legs.filter((leg) => leg.path === path).length,
        );
        const bounds = spec.paths.map(
          ({ regions, hedge }) => Math.max(1, regions.length) + (hedge === undefined ? 0 : 1),
        );
        expect(legs.every((count, path) => count <= (bounds[path] ?? 0))).toBe(true);
      }),
    );
  });

  it('starts every child once and tells every webhook once', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        const job = playOut(request, script, () => undefined);
        expect(new Set(job.spawned()).size).toBe(job.spawned().length);
        const ending = job.run.end?.state === 'completed' ? 'on_success' : 'on_failure';
        expect(job.spawned().every((edge) => edge.endsWith(ending))).toBe(true);
        if (job.run.end?.state === 'cancelled') expect(job.spawned()).toEqual([]);
        const delivered = job.effects.flatMap((effect) =>
          effect.type === 'deliver' ? [effect.webhook] : [],
        );
        expect(delivered).toEqual(job.spec.webhooks.map((_, index) => index));
      }),
    );
  });

  it('is tried a bounded number of times', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        const { run, spec } = playOut(request, script, () => undefined);
        const bound = run.legs.reduce((total, { path, heldBack }) => {
          const retry = spec.paths[path]?.retry;
          const tries = (retry?.maxRetries ?? 0) + (retry?.maxReroutes ?? 0);
          return total + 1 + tries + MAX_UNKNOWNS + heldBack;
        }, 0);
        expect(run.attempts).toBeLessThanOrEqual(bound);
      }),
    );
  });

  it('shows as its result an attempt whose response was kept', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        const job = playOut(request, script, () => undefined);
        const kept = job.effects.flatMap((effect) =>
          effect.type === 'keep_response' ? [effect.attempt] : [],
        );
        const end = job.run.end;
        const shown = [...(end?.attempts ?? []), ...(end?.attempt === null ? [] : [end?.attempt])];
        expect(kept).toEqual(expect.arrayContaining(shown));
      }),
    );
  });

  it('always has a next moment to decide, until it has ended', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        playOut(request, script, (job) => {
          expect(job.wakeAt === null).toBe(job.run.end !== null);
        });
      }),
    );
  });

  it('keeps a state that survives being written down and read again', () => {
    fc.assert(
      fc.property(jobs, moves, (request, script) => {
        playOut(request, script, ({ run }) => {
          expect(JSON.parse(JSON.stringify(run))).toEqual(run);
        });
      }),
    );
  });
});
