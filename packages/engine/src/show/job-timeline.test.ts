import type { AttemptRecord } from '../ports/records.ts';
import { describe, expect, test } from 'vitest';
import { eventsAfter, timelineOf } from './job-timeline.ts';

function attempt(number: number, more: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    attempt: number,
    leg: 0,
    path: 0,
    region: 'iad',
    url: 'http://target.example/',
    outcome: 'response',
    statusCode: 503,
    error: null,
    armedAt: number * 10,
    startedAt: number * 10 + 1,
    endedAt: number * 10 + 2,
    ...more,
  };
}

const completed = {
  state: 'completed',
  at: 99,
  path: 0,
  attempt: 2,
  attempts: [],
  triedPaths: [0],
  error: null,
} as const;

describe('the timeline of a job', () => {
  test('tells a retried and completed job in order, under numbers of its own', () => {
    const events = timelineOf({
      createdAt: 5,
      attempts: [attempt(1, { retryAt: 20 }), attempt(2, { statusCode: 200 })],
      end: completed,
    });
    expect(events.map(({ number, type, at }) => [number, type, at])).toEqual([
      [0, 'queued', 5],
      [1, 'dispatching', 11],
      [2, 'retrying', 12],
      [3, 'dispatching', 21],
      [5, 'completed', 99],
    ]);
    expect(events[2]?.data).toEqual({
      attempt: 1,
      reason: 'status 503',
      status_code: 503,
      retry_at: 20,
    });
  });

  test('says when a waiting attempt will be tried again', () => {
    const events = timelineOf({
      createdAt: 5,
      attempts: [attempt(1, { retryAt: 70 })],
      end: null,
    });
    expect(events.at(-1)).toMatchObject({ type: 'retrying', data: { retry_at: 70 } });
  });

  test('tells of a call under way, but not of one that was given up before it was sent', () => {
    const unsent = { startedAt: null, statusCode: null };
    const armed = attempt(1, { ...unsent, endedAt: null, outcome: null });
    const givenUp = attempt(2, { ...unsent, leg: 1, outcome: 'aborted' });
    const events = timelineOf({ createdAt: 5, attempts: [armed, givenUp], end: null });
    expect(events.map(({ number, type, at }) => [number, type, at])).toEqual([
      [0, 'queued', 5],
      [1, 'dispatching', 10],
    ]);
  });

  test('tells of no retry where an attempt was handed back before it was sent', () => {
    const handedBack = attempt(1, { startedAt: null, statusCode: null, outcome: 'aborted' });
    const events = timelineOf({ createdAt: 5, attempts: [handedBack, attempt(2)], end: completed });
    expect(events.map(({ number }) => number)).toEqual([0, 3, 5]);
  });

  test('of a job that never ran still has an end', () => {
    const never = timelineOf({
      createdAt: 5,
      attempts: [],
      end: { ...completed, state: 'cancelled', attempt: null },
    });
    expect(never.map(({ number, type }) => [number, type])).toEqual([
      [0, 'queued'],
      [1, 'cancelled'],
    ]);
  });

  test('resumes after the last event seen, and does not skip what a race overtook', () => {
    const events = timelineOf({
      createdAt: 5,
      attempts: [
        attempt(1, { armedAt: 10, startedAt: 11, endedAt: 50, retryAt: 60 }),
        attempt(2, { leg: 1, armedAt: 10, startedAt: 12, endedAt: null, outcome: null }),
        attempt(3, { armedAt: 60, startedAt: 61, endedAt: null, outcome: null }),
      ],
      end: null,
    });
    // It saw both legs start (1 and 3); the first one's retry (2) came later.
    expect(eventsAfter(events, 3).map(({ number }) => number)).toEqual([2, 5]);
    expect(eventsAfter(events, 5)).toEqual([]);
    expect(eventsAfter(events, null)).toEqual(events);
  });
});
