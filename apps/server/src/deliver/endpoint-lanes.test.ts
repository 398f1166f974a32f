import type { DeliveryRecord, Outcome } from '@ezthrottle/engine';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EndpointLanes, type LaneLimits } from './endpoint-lanes.ts';

const LIMITS: LaneLimits = {
  concurrency: 4,
  perEndpointConcurrency: 2,
  waitingPerEndpoint: 3,
  waiting: 5,
};

const FINE: Outcome = { kind: 'response', status: 200, headers: {} };
const SILENT: Outcome = { kind: 'timeout', message: 'no answer' };

function delivery(id: string, url: string, organization = 'acme'): DeliveryRecord {
  return {
    id,
    jobId: 'job',
    organization,
    webhook: 0,
    endpointId: 'endpoint',
    url,
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

function takeAll(lanes: EndpointLanes): DeliveryRecord[] {
  const taken: DeliveryRecord[] = [];
  for (let next = lanes.take(0); next !== null; next = lanes.take(0)) taken.push(next);
  return taken;
}

function end(lanes: EndpointLanes, done: DeliveryRecord, answered: boolean): void {
  lanes.over(done, answered ? FINE : SILENT, 0, 0);
  lanes.release(done);
}

describe('the lanes of endpoints', () => {
  test('go on when a call is over, and take back what it delivered only once that is settled', () => {
    const lanes = new EndpointLanes({ ...LIMITS, perEndpointConcurrency: 1 });
    const [first, second] = ['1', '2'].map((id) => delivery(id, 'https://a.test'));
    if (first === undefined || second === undefined) return expect.unreachable();
    for (const one of [first, second]) lanes.add(one);
    expect(takeAll(lanes)).toEqual([first]);
    lanes.over(first, FINE, 0, 0);
    expect(takeAll(lanes)).toEqual([second]);
    expect(lanes.add(first)).toBe(true);
    lanes.over(second, FINE, 0, 0);
    expect(takeAll(lanes)).toEqual([]);
    lanes.release(first);
    lanes.add(first);
    expect(takeAll(lanes)).toEqual([first]);
  });

  test('take turns between endpoints, in order within each', () => {
    const lanes = new EndpointLanes({ ...LIMITS, concurrency: 10 });
    for (const id of ['a1', 'a2', 'a3']) lanes.add(delivery(id, 'https://a.test/x'));
    lanes.add(delivery('b1', 'https://b.test/x'));

    expect(takeAll(lanes).map(({ id }) => id)).toEqual(['a1', 'b1', 'a2']);
  });

  test('count an origin as one endpoint, whatever the path and query, but per organization', () => {
    const lanes = new EndpointLanes(LIMITS);
    lanes.add(delivery('1', 'https://a.test/x?job=1'));
    lanes.add(delivery('2', 'https://a.test/y?job=2'));
    lanes.add(delivery('3', 'https://a.test/z?job=3'));
    lanes.add(delivery('4', 'https://a.test/x', 'other'));

    expect(takeAll(lanes).map(({ id }) => id)).toEqual(['1', '4', '2']);
  });

  test('try an endpoint that never answers with one delivery at a time, until it answers', () => {
    const lanes = new EndpointLanes(LIMITS);
    const silent = (id: string): DeliveryRecord => delivery(id, 'https://silent.test/');
    for (const id of ['1', '2', '3']) lanes.add(silent(id));
    const [first, second] = takeAll(lanes);
    if (first === undefined || second === undefined) throw new Error('none taken');
    for (const id of ['4', '5']) lanes.add(silent(id));
    end(lanes, first, false);
    end(lanes, second, false);
    const third = lanes.take(0);
    if (third === null) throw new Error('none taken');
    end(lanes, third, false);

    const [probe, ...more] = takeAll(lanes);
    expect([probe?.id, more]).toEqual(['4', []]);

    if (probe !== undefined) end(lanes, probe, true);
    lanes.add(silent('6'));
    expect(takeAll(lanes).map(({ id }) => id)).toEqual(['5', '6']);
  });

  test('give back the place of a delivery that was never sent', () => {
    const lanes = new EndpointLanes({ ...LIMITS, ratePerSecond: 100 });
    for (let round = 0; round < 100; round += 1) {
      const record = delivery(`${round}`, 'https://a.test/');
      lanes.add(record);
      expect(lanes.take(round * 1_000)).toBe(record);
      lanes.release(record);
    }
  });

  test('hold no more in memory than they may, and say so', () => {
    const lanes = new EndpointLanes(LIMITS);
    const added = ['1', '2', '3', '4'].map((id) => lanes.add(delivery(id, 'https://a.test/')));
    const others = ['5', '6', '7'].map((id) => lanes.add(delivery(id, `https://${id}.test/`)));

    expect(added).toEqual([true, true, true, false]);
    expect(others).toEqual([true, true, false]);
    expect(lanes.waiting).toBe(5);
  });

  test('whatever happens: bounds hold, nothing runs twice at once, all that is added runs', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'take', 'release'),
      host: fc.integer({ min: 1, max: 3 }),
      answered: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const lanes = new EndpointLanes(LIMITS);
        const running: DeliveryRecord[] = [];
        const added = new Set<string>();
        const ran = new Set<string>();
        const finish = (answered: boolean): void => {
          const done = running.shift();
          if (done !== undefined) end(lanes, done, answered);
        };
        const begin = (): boolean => {
          const next = lanes.take(0);
          if (next === null) return false;
          expect(ran.has(next.id)).toBe(false);
          ran.add(next.id);
          running.push(next);
          return true;
        };
        for (const [index, { kind, host, answered }] of steps.entries()) {
          const record = delivery(`d${index}`, `https://h${host}.test/`);
          if (kind === 'add' && lanes.add(record)) added.add(record.id);
          if (kind === 'take') begin();
          if (kind === 'release') finish(answered);
          expect(lanes.running).toBe(running.length);
          expect(lanes.running).toBeLessThanOrEqual(LIMITS.concurrency);
          expect(lanes.waiting).toBeLessThanOrEqual(LIMITS.waiting);
          for (const name of ['h1', 'h2', 'h3']) {
            const here = running.filter(({ url }) => url.includes(name));
            expect(here.length).toBeLessThanOrEqual(LIMITS.perEndpointConcurrency);
          }
        }
        while (begin() || running.length > 0) finish(true);
        expect(ran).toEqual(added);
        expect(lanes.waiting).toBe(0);
      }),
    );
  });
});
