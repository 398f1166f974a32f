import { describe, expect, it, vi } from 'vitest';
import { afterTimeout } from './node-after-timeout.ts';

function pass(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    afterTimeout(delayMs, resolve);
  });
}

describe('a timeout on Node', () => {
  it('calls back once its time is over, not before, though others began later', async () => {
    const begun = performance.now();
    const order: string[] = [];
    const long = pass(30).then(() => order.push('long'));
    await pass(5).then(() => order.push('short'));
    await long;
    expect(order).toEqual(['short', 'long']);
    // Timers count whole milliseconds.
    expect(performance.now() - begun).toBeGreaterThanOrEqual(29);
  });

  it('never calls back when it is cancelled, at once or while it runs', async () => {
    const callback = vi.fn<() => void>();
    afterTimeout(1, callback)();
    const cancel = afterTimeout(15, callback);
    await pass(1);
    cancel();
    await pass(30);
    expect(callback).not.toHaveBeenCalled();
  });
});
