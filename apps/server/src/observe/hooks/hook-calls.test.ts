import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { HookCalls } from './hook-calls.ts';

describe('calls of hooks', () => {
  test('are made later, in order, and all of them whatever becomes of each', async () => {
    const seen: string[] = [];
    const failed: unknown[] = [];
    const calls = new HookCalls({ onFailed: (hook, error) => failed.push([hook, String(error)]) });
    calls.add('job_queued', () => {
      throw new Error('one');
    });
    calls.add('job_failed', async () => {
      throw new Error('two');
    });
    calls.add('job_completed', () => seen.push('three'));
    expect(seen).toEqual([]);
    await turn();
    await turn();
    expect(seen).toEqual(['three']);
    expect(failed).toEqual([
      ['job_queued', 'Error: one'],
      ['job_failed', 'Error: two'],
    ]);
  });

  test('that are too many at a time are left out and counted', () => {
    let made = 0;
    let failed = 0;
    const onFailed = (): void => {
      failed += 1;
    };
    const calls = new HookCalls({ onFailed, mostWaiting: 3 });
    for (let index = 0; index < 5; index += 1) {
      calls.add('job_queued', () => {
        made += 1;
      });
    }
    calls.flush();
    expect([made, failed]).toEqual([3, 2]);
  });
});
