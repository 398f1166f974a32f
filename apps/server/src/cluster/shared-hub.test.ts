import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import type { JobNotice } from '../realtime/job-event.ts';
import { createJobEventHub } from '../realtime/job-event-hub.ts';
import { createSharedHub, type SharedHub } from './shared-hub.ts';

const queued = (jobId: string): JobNotice => ({ jobId, at: 1, type: 'queued' });

let clock: FakeClock;
let told: JobNotice[];
let watched: string[][];
let hub: SharedHub;

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  watched = [];
  const wire = {
    notice: (notice: JobNotice) => void told.push(notice),
    watching: (ids: Iterable<string>) => void watched.push([...ids]),
  };
  hub = createSharedHub(createJobEventHub(10), wire, clock);
});

describe('a hub of several nodes', () => {
  test('tells other nodes only of jobs that are watched there, and only while they say so', async () => {
    hub.publish(queued('a'));
    hub.watchedElsewhere(['a']);
    hub.publish(queued('a'));
    hub.publish(queued('b'));
    expect(told).toEqual([queued('a')]);
    expect(hub.isWatched('a')).toBe(true);
    await clock.advance(16_000);
    hub.publish(queued('a'));
    expect(told).toHaveLength(1);
    expect(hub.isWatched('a')).toBe(false);
  });

  test('says which jobs are watched here, again and again until nobody does', async () => {
    const leave = hub.subscribe('a', () => undefined);
    expect(watched).toEqual([['a']]);
    await clock.advance(5_000);
    expect(watched).toEqual([['a'], ['a']]);
    leave?.();
    leave?.();
    await clock.advance(20_000);
    expect(watched.flat()).toEqual(['a', 'a']);
  });

  test('hands what others tell to its own watchers, and does not tell it on', () => {
    const seen: JobNotice[] = [];
    hub.subscribe('a', (notice) => seen.push(notice));
    hub.watchedElsewhere(['a']);
    hub.heard(queued('a'));
    expect([seen, told]).toEqual([[queued('a')], []]);
  });
});
