import { describe, expect, it } from 'vitest';
import { Running } from './running.ts';

describe('what is under way', () => {
  it('is aborted by its caller, for the caller’s reason', () => {
    const caller = new AbortController();
    const { signal } = new Running().begin(caller.signal);
    const reason = new Error('enough');
    caller.abort(reason);
    expect(signal.reason).toBe(reason);
    const late = new Running().begin(caller.signal);
    expect(late.signal.reason).toBe(reason);
  });

  it('is aborted when everything is closed, and so is what begins later', () => {
    const running = new Running();
    const first = running.begin(undefined);
    const done = running.begin(undefined);
    done.end();
    const reason = new Error('closed');
    running.close(reason);
    running.close(new Error('again'));
    expect(first.signal.reason).toBe(reason);
    expect(done.signal.aborted).toBe(false);
    expect(running.begin(undefined).signal.reason).toBe(reason);
  });

  it('lets go of its caller’s signal when it has ended', () => {
    const caller = new AbortController();
    const run = new Running().begin(caller.signal);
    run.end();
    caller.abort();
    expect(run.signal.aborted).toBe(false);
  });
});
