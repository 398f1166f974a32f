import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  failurePercent,
  isRedriveOver,
  newRedrive,
  type Redrive,
  redriveRoom,
  type RedriveSettings,
  withEnded,
  withSent,
} from './redrive.ts';

function settings(overrides: Partial<RedriveSettings> = {}): RedriveSettings {
  return {
    of: 'jobs',
    filter: {},
    reason: 'because',
    actor: null,
    apiKey: null,
    rate: 10,
    canary: 20,
    maxFailurePercent: 10,
    maxItems: 1_000,
    edit: {},
    ...overrides,
  };
}

function times<Word>(count: number, word: Word): readonly Word[] {
  return Array.from({ length: count }, () => word);
}

function sent(redrive: Redrive, count: number): Redrive {
  return withSent(redrive, times(count, 'sent'), null, false);
}

/** Those that were not passed over. */
function triedOf({ counts }: Redrive): number {
  return counts.sent + counts.succeeded + counts.failed + counts.cancelled;
}

describe('the canary', () => {
  it('goes first, and nothing follows before all of it has ended', () => {
    const out = sent(newRedrive(settings()), 20);
    expect(redriveRoom(newRedrive(settings()))).toBe(20);
    expect(redriveRoom(out)).toBe(0);
    const nearly = withEnded(out, times(19, 'succeeded'));
    expect([nearly.state, redriveRoom(nearly)]).toEqual(['canary', 0]);
    const over = withEnded(nearly, ['succeeded']);
    expect(over.state).toBe('running');
    expect(redriveRoom(over)).toBe(100);
  });

  it('may lose as many as it is allowed, and stops with the first one more', () => {
    const out = sent(newRedrive(settings()), 20);
    const lost = withEnded(out, times(2, 'failed'));
    expect(lost.state).toBe('canary');
    expect(withEnded(lost, ['failed']).state).toBe('stopped');
    const allowed = withEnded(lost, times(18, 'succeeded'));
    expect(allowed.state).toBe('running');
  });

  it('is as large as what there is', () => {
    const all = withSent(newRedrive(settings()), times(3, 'sent'), null, true);
    expect(withEnded(all, times(3, 'succeeded')).state).toBe('completed');
    expect(withSent(newRedrive(settings()), [], null, true).state).toBe('completed');
  });

  it('does not count what was passed over', () => {
    const passed = withSent(newRedrive(settings()), times(15, 'already'), null, false);
    expect(redriveRoom(passed)).toBe(20);
  });
});

describe('the rest', () => {
  const running = newRedrive(settings({ canary: 0 }));

  it('stops when too many of those that ended of late have failed, and not by the first few', () => {
    const out = sent(running, 50);
    const early = withEnded(out, times(9, 'failed'));
    expect(early.state).toBe('running');
    expect(withEnded(early, ['failed']).state).toBe('stopped');
  });

  it('forgets what went well long ago', () => {
    const good = withEnded(sent(running, 500), times(400, 'succeeded'));
    const turned = withEnded(good, times(25, 'failed'));
    expect(turned.state).toBe('stopped');
    expect(failurePercent(turned)).toBeCloseTo((25 * 100) / 125);
  });

  it('is not judged by what somebody has cancelled', () => {
    const out = withEnded(sent(running, 50), times(50, 'cancelled'));
    expect([out.state, failurePercent(out)]).toEqual(['running', null]);
  });

  it('completes when there are no more, or as many as were asked for', () => {
    const few = newRedrive(settings({ canary: 0, maxItems: 5 }));
    expect(redriveRoom(few)).toBe(5);
    const all = sent(few, 5);
    expect(redriveRoom(all)).toBe(0);
    expect(withEnded(all, times(5, 'succeeded')).state).toBe('completed');
  });

  it('goes on for as long as it takes behind what it passes over, and sends no more for that', () => {
    const few = newRedrive(settings({ canary: 0, maxItems: 5 }));
    const passed = withSent(few, times(9_000, 'already'), null, false);
    expect([passed.state, redriveRoom(passed)]).toEqual(['running', 5]);
    const nearly = withSent(sent(passed, 4), ['unfit', 'gone'], null, false);
    expect(redriveRoom(nearly)).toBe(1);
    expect(withEnded(sent(nearly, 1), times(5, 'succeeded')).state).toBe('completed');
  });

  it('goes on counting after its end, and stays what it is', () => {
    const stopped = withEnded(sent(running, 50), times(10, 'failed'));
    const after = withEnded(stopped, times(40, 'succeeded'));
    expect([after.state, after.counts.sent, after.counts.succeeded]).toEqual(['stopped', 0, 40]);
    expect(redriveRoom(after)).toBe(0);
  });
});

describe('whatever happens to a redrive', () => {
  const steps = fc.array(
    fc.record({
      send: fc.nat(30),
      pass: fc.array(fc.constantFrom('already', 'unfit', 'gone'), { maxLength: 30 }),
      end: fc.array(fc.constantFrom('succeeded', 'failed', 'cancelled'), { maxLength: 30 }),
      isAtEnd: fc.boolean(),
    }),
    { maxLength: 40 },
  );
  const asked = fc.record({
    canary: fc.nat(30),
    maxItems: fc.integer({ min: 1, max: 200 }),
    maxFailurePercent: fc.nat(100),
    rate: fc.integer({ min: 1, max: 1_000 }),
  });

  it('never more are out, or taken, than it may; and it ends once', () => {
    fc.assert(
      fc.property(asked, steps, (wishes, story) => {
        let redrive = newRedrive(settings(wishes));
        for (const { send, pass, end, isAtEnd } of story) {
          const wasOver = isRedriveOver(redrive);
          const stateBefore = redrive.state;
          const count = Math.min(send, redriveRoom(redrive));
          const outcomes = [...pass, ...times(count, 'sent' as const)];
          if (count > 0) redrive = withSent(redrive, outcomes, null, isAtEnd);
          const ended = end.slice(0, redrive.counts.sent);
          if (ended.length > 0) redrive = withEnded(redrive, ended);
          expect(triedOf(redrive)).toBeLessThanOrEqual(wishes.maxItems);
          expect(redrive.counts.sent).toBeGreaterThanOrEqual(0);
          expect(redrive.counts.sent).toBeLessThanOrEqual(1_000);
          if (redrive.state === 'canary') {
            expect(triedOf(redrive)).toBeLessThanOrEqual(wishes.canary);
          }
          if (wasOver) expect(redrive.state).toBe(stateBefore);
          if (redrive.state === 'completed') expect(redrive.counts.sent).toBe(0);
        }
      }),
    );
  });
});
