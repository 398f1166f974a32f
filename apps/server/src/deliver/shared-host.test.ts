import type { DeliveryRecord, Outcome } from '@ezthrottle/engine';
import { DEFAULT_DELIVERY_SCHEDULE, nextDelivery } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EndpointLanes } from './endpoint-lanes.ts';

const ANSWER_MS = 20;
const LIMITS = {
  concurrency: 256,
  perEndpointConcurrency: 64,
  waitingPerEndpoint: 1_000,
  waiting: 10_000,
};

function delivery(id: string, path: string): DeliveryRecord {
  return {
    id,
    jobId: 'job',
    organization: 'acme',
    webhook: 0,
    endpointId: path,
    url: `https://shared.test/${path}`,
    state: 'pending',
    hasQuorumVote: true,
    receivesContinuation: false,
    attempts: 0,
    statusCode: null,
    error: null,
    deadReason: null,
    nextAttemptAt: 0,
    createdAt: 0,
  };
}

interface Delivered {
  readonly at: number;
  /** Sum of the waits that the schedule names for its failed attempts. */
  readonly ownWaits: number;
}

/** All of them go to one host; `answer` says what comes of each attempt. */
async function deliverAll(
  deliveries: readonly DeliveryRecord[],
  answer: (delivery: DeliveryRecord, now: number) => Outcome,
): Promise<ReadonlyMap<string, Delivered>> {
  const clock = new FakeClock(0);
  const lanes = new EndpointLanes(LIMITS);
  const delivered = new Map<string, Delivered>();
  const waits = new Map<string, number>();
  let cancelHold = (): void => undefined;
  const start = (): void => {
    for (;;) {
      const sent = lanes.take(clock.monotonic());
      if (sent === null) break;
      clock.after(ANSWER_MS, () => end(sent));
    }
    cancelHold();
    const { heldUntil } = lanes;
    if (heldUntil !== null) {
      cancelHold = clock.after(Math.max(1, heldUntil - clock.monotonic()), start);
    }
  };
  const end = (sent: DeliveryRecord): void => {
    const outcome = answer(sent, clock.now());
    lanes.over(sent, outcome, clock.monotonic(), clock.now());
    lanes.release(sent);
    const attempts = sent.attempts + 1;
    const settled = nextDelivery(attempts, outcome, 0, clock.now(), DEFAULT_DELIVERY_SCHEDULE);
    if (settled.state === 'delivered') {
      delivered.set(sent.id, { at: clock.now(), ownWaits: waits.get(sent.id) ?? 0 });
    } else if (settled.state === 'pending') {
      const wait = settled.nextAttemptAt - clock.now();
      waits.set(sent.id, (waits.get(sent.id) ?? 0) + wait);
      clock.after(wait, () => {
        lanes.add({ ...sent, attempts });
        start();
      });
    }
    start();
  };
  for (const each of deliveries) lanes.add(each);
  start();
  await clock.advance(7_200_000);
  return delivered;
}

function status(code: number, headers: Readonly<Record<string, string>> = {}): Outcome {
  return { kind: 'response', status: code, headers };
}

/** Deliveries of so many paths, one after the other. */
function deliveries(count: number, paths: number): DeliveryRecord[] {
  return Array.from({ length: count }, (_, index) => delivery(`${index}`, `${index % paths}`));
}

describe('endpoints that share a host', () => {
  test('get every delivery within its own waits while one call in ten is answered 503', async () => {
    let calls = 0;
    const delivered = await deliverAll(deliveries(20, 4), () => {
      calls += 1;
      return status(calls % 10 === 0 ? 503 : 200);
    });
    expect(delivered.size).toBe(20);
    for (const { at, ownWaits } of delivered.values()) {
      expect(at).toBeLessThanOrEqual(ownWaits + 10 * ANSWER_MS);
    }
  });

  test('are not held back by one of them that is broken for minutes', async () => {
    const delivered = await deliverAll(deliveries(40, 4), ({ endpointId }, now) =>
      status(endpointId === '0' && now < 600_000 ? 503 : 200),
    );
    for (const [id, { at }] of delivered) {
      if (Number(id) % 4 !== 0) expect(at).toBe(ANSWER_MS);
    }
    expect(delivered.size).toBe(40);
  });

  test('whatever failures they answer with: nobody waits for another one', async () => {
    const failures = fc.constantFrom(200, 500, 502, 503, 504, 521, 400);
    await fc.assert(
      fc.asyncProperty(
        fc.array(failures, { minLength: 20, maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (answers, paths) => {
          let calls = 0;
          const delivered = await deliverAll(deliveries(20, paths), () => {
            calls += 1;
            return status(answers[calls] ?? 200);
          });
          expect(delivered.size).toBe(20);
          for (const { at, ownWaits } of delivered.values()) {
            expect(at).toBeLessThanOrEqual(ownWaits + 60 * ANSWER_MS);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each([
    ['half a minute', '30', 30_000],
    ['a day: five minutes of it', '86400', 300_000],
  ])('all wait when one asks for %s', async (_, retryAfter, pausedMs) => {
    const first = delivery('first', 'a');
    const others = Array.from({ length: 100 }, (_each, index) => delivery(`b${index}`, 'b'));
    const delivered = await deliverAll([first, ...others], ({ endpointId, attempts }) =>
      endpointId === 'a' && attempts === 0
        ? status(503, { 'retry-after': retryAfter })
        : status(200),
    );
    const times = others.map(({ id }) => delivered.get(id)?.at ?? Number.NaN);
    // Some were under way already.
    expect(times.filter((at) => at === ANSWER_MS).length).toBeLessThanOrEqual(
      LIMITS.perEndpointConcurrency,
    );
    const held = times.filter((at) => at > ANSWER_MS);
    expect(Math.min(...held)).toBe(ANSWER_MS + pausedMs + ANSWER_MS);
    expect(Math.max(...held)).toBeLessThan(pausedMs + 60_000);
  });

  test('are all slowed by a 429', async () => {
    const delivered = await deliverAll(deliveries(200, 2), ({ id, attempts }) =>
      status(id === '0' && attempts === 0 ? 429 : 200),
    );
    const last = Math.max(...Array.from(delivered.values(), ({ at }) => at));
    expect(delivered.size).toBe(200);
    expect(last).toBeGreaterThan(500);
    expect(last).toBeLessThan(60_000);
  });
});
