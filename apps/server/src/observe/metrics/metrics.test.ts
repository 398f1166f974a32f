import { createPace, CLOSED_CIRCUIT, DEFAULT_PACE } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';
import type { ScrapeReads } from './scrape.ts';

const ORGANIZATION = '019a0000-0000-7000-8000-000000000001';

function answered(origin: string, status = 200) {
  return {
    jobId: 'job',
    attempt: 1,
    organization: ORGANIZATION,
    origin,
    region: 'local',
    report: {
      token: 'token',
      outcome: { kind: 'response', status, headers: {} },
      response: null,
      startedAt: 1_000,
      endedAt: 1_030,
    },
  } as const;
}

function scrapedFrom(origins: readonly string[], clock: FakeClock): ScrapeReads {
  const pace = createPace(DEFAULT_PACE, clock.monotonic());
  return {
    jobs: async () => ({
      pending: 3,
      scheduled: 0,
      processing: 1,
      completed: 2,
      failed: 0,
      deadletter: 0,
      cancelled: 0,
    }),
    oldestReadyAt: async () => clock.now() - 1_500,
    storeBytes: async () => 4_096,
    destinations: () =>
      origins.map((origin) => ({
        organization: ORGANIZATION,
        origin,
        pace,
        circuit: CLOSED_CIRCUIT,
        waiting: 1,
      })),
    limit: () => null,
    calls: () => ({ inFlight: 1, activeJobs: 2 }),
    deliveries: () => ({ running: 0, waiting: 5 }),
  };
}

const linesOf = (text: string, name: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(name));

describe('metrics', () => {
  test('say what was counted and how things stand', async () => {
    const clock = new FakeClock();
    const metrics = createMetrics({ clock, version: '1.2.3', mostNames: 2 });
    metrics.signals.answered?.(answered('https://one.test'));
    metrics.signals.answered?.(answered('https://one.test', 503));
    metrics.committed(7, 3);
    metrics.refused('backlog');
    const text = await metrics.text(scrapedFrom(['https://one.test', 'https://idle.test'], clock));
    const place = `organization="${ORGANIZATION}",destination="https://one.test"`;
    expect(text).toContain(`ezthrottle_attempts_total{${place},outcome="2xx"} 1`);
    expect(text).toContain(`ezthrottle_attempts_total{${place},outcome="5xx"} 1`);
    expect(text).toContain('ezthrottle_attempt_duration_seconds_bucket{le="0.05",outcome="2xx"} 1');
    expect(text).toContain(`ezthrottle_destination_rate{${place}} 2`);
    expect(text).toContain(
      'ezthrottle_destination_waiting{organization="other",destination="other"} 1',
    );
    expect(text).toContain('ezthrottle_jobs{state="pending"} 3');
    expect(text).toContain('ezthrottle_oldest_wait_seconds 1.5');
    expect(text).toContain('ezthrottle_circuits{state="closed"} 2');
    expect(text).toContain('ezthrottle_admission_refusals_total{reason="backlog"} 1');
    expect(text).toContain('ezthrottle_commit_operations_sum 7');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  test('stay as many with 100,000 destinations as with a few, and count every call', async () => {
    const clock = new FakeClock();
    const metrics = createMetrics({ clock, version: '1.2.3', mostNames: 20 });
    const origins = Array.from({ length: 100_000 }, (_, index) => `https://${index}.test`);
    for (const origin of origins) metrics.signals.answered?.(answered(origin));
    const text = await metrics.text(scrapedFrom(origins, clock));
    const attempts = linesOf(text, 'ezthrottle_attempts_total');
    expect(attempts.length).toBeLessThanOrEqual(21);
    const total = attempts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    expect(total).toBe(100_000);
    expect(linesOf(text, 'ezthrottle_destination_waiting')).toHaveLength(21);
    expect(linesOf(text, 'ezthrottle_').length).toBeLessThan(700);
  });
});
