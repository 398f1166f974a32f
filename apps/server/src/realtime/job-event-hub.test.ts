import { describe, expect, test } from 'vitest';
import type { JobNotice } from './job-event.ts';
import { createJobEventHub } from './job-event-hub.ts';

const queued = (jobId: string): JobNotice => ({ jobId, at: 1, type: 'queued' });

describe('the hub', () => {
  test('tells the watchers of a job and nobody else', () => {
    const hub = createJobEventHub(10);
    const seen: string[] = [];
    hub.subscribe('a', (notice) => seen.push(notice.jobId));
    hub.publish(queued('a'));
    hub.publish(queued('b'));
    expect(seen).toEqual(['a']);
    expect([hub.isWatched('a'), hub.isWatched('b')]).toEqual([true, false]);
  });

  test('forgets whoever has gone, also when they say so twice', () => {
    const hub = createJobEventHub(10);
    const leave = hub.subscribe('a', () => undefined);
    hub.subscribe('a', () => undefined);
    leave?.();
    leave?.();
    expect([hub.watchers, hub.isWatched('a')]).toEqual([1, true]);
  });

  test('takes no more watchers than it may, and takes one again when one has left', () => {
    const hub = createJobEventHub(1);
    const leave = hub.subscribe('a', () => undefined);
    expect(hub.subscribe('b', () => undefined)).toBeNull();
    leave?.();
    expect(hub.subscribe('b', () => undefined)).not.toBeNull();
  });

  test('goes on when a listener throws', () => {
    const hub = createJobEventHub(10);
    let heard = 0;
    hub.subscribe('a', () => {
      throw new Error('broken');
    });
    hub.subscribe('a', () => {
      heard += 1;
    });
    hub.publish(queued('a'));
    expect(heard).toBe(1);
  });
});
