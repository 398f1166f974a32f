import { describe, expect, test } from 'vitest';
import type { Outcome } from '../job/outcome.ts';
import {
  afterDelivery,
  createEndpoint,
  deliveryRegion,
  type Endpoint,
  ENDPOINT_PACE,
  MAX_ENDPOINT_PAUSE_MS,
  passEndpoint,
  withEndpointEnabled,
} from './endpoint.ts';

const WALL = Date.UTC(2026, 0, 1);

function status(code: number, headers: Readonly<Record<string, string>> = {}): Outcome {
  return { kind: 'response', status: code, headers };
}

const UNREACHABLE: Outcome = {
  kind: 'network_error',
  code: 'ECONNREFUSED',
  message: 'refused',
};

function after(outcome: Outcome, endpoint: Endpoint = createEndpoint(0), now = 10_000): Endpoint {
  return afterDelivery(endpoint, outcome, false, now, WALL + now);
}

describe('an endpoint', () => {
  test('that says 410 gets nothing any more, until its owner enables it again', () => {
    const gone = after(status(410));
    expect(gone.disabled).toEqual({ by: 'gone', at: WALL + 10_000 });
    expect(passEndpoint(gone, 20_000)).toEqual({ pass: 'dead', reason: 'endpoint_disabled' });
    const back = withEndpointEnabled(after(status(200), gone), true, 20_000, WALL);
    expect(passEndpoint(back, 20_000).pass).toBe('go');
    const off = withEndpointEnabled(createEndpoint(0), false, 0, WALL);
    expect(off.disabled).toEqual({ by: 'owner', at: WALL });
  });

  test.each([429, 503])(
    'that says %d with Retry-After is left alone as a whole for so long',
    (code) => {
      const paused = after(status(code, { 'retry-after': '30' }));
      expect(passEndpoint(paused, 39_999)).toEqual({ pass: 'hold', until: 40_000 });
      expect(passEndpoint(paused, 40_000).pass).toBe('go');
    },
  );

  test('that says 429 is slowed, and sped up again by successes', () => {
    const slowed = after(status(429));
    expect(slowed.pace.ratePerSecond).toBe(50);
    let endpoint = slowed;
    for (let second = 11; second < 40; second += 1) {
      endpoint = after(status(200), endpoint, second * 1_000);
    }
    expect(endpoint.pace.ratePerSecond).toBe(100);
  });

  test.each([500, 502, 503, 504])(
    'that says %d without a delay is neither slowed nor taken for down',
    (code) => {
      let endpoint = createEndpoint(0);
      for (let call = 0; call < 20; call += 1) {
        endpoint = after(status(code), endpoint, call * 1_000);
      }
      expect(endpoint.pace.ratePerSecond).toBe(ENDPOINT_PACE.ratePerSecond);
      expect(passEndpoint(endpoint, 20_000)).toMatchObject({ pass: 'go', isProbe: false });
    },
  );

  test('that asks for a day holds the rest of its host back for five minutes', () => {
    const paused = after(status(503, { 'retry-after': '86400' }));
    expect(passEndpoint(paused, 10_000)).toEqual({
      pass: 'hold',
      until: 10_000 + MAX_ENDPOINT_PAUSE_MS,
    });
  });

  test('has its own pace and slots', () => {
    let endpoint = createEndpoint(0, { ...ENDPOINT_PACE, burst: 50, concurrency: 2 });
    for (let delivery = 0; delivery < 2; delivery += 1) {
      const pass = passEndpoint(endpoint, 0);
      expect(pass.pass).toBe('go');
      endpoint = pass.pass === 'go' ? pass.endpoint : endpoint;
    }
    expect(passEndpoint(endpoint, 0)).toEqual({ pass: 'hold', until: null });
    expect(passEndpoint(after(status(200), endpoint, 1), 1).pass).toBe('go');
  });

  test('that cannot be reached is probed by one delivery while the others are held', () => {
    let endpoint = createEndpoint(0);
    for (let call = 0; call < 5; call += 1) endpoint = after(UNREACHABLE, endpoint, call * 500);
    expect(passEndpoint(endpoint, 3_000)).toEqual({ pass: 'hold', until: 7_000 });
    const probe = passEndpoint(endpoint, 7_000);
    expect(probe).toMatchObject({ pass: 'go', isProbe: true });
    const probing = probe.pass === 'go' ? probe.endpoint : endpoint;
    expect(passEndpoint(probing, 7_100)).toEqual({ pass: 'hold', until: null });
    const up = afterDelivery(probing, status(200), true, 7_200, WALL);
    expect(passEndpoint(up, 7_200)).toMatchObject({ pass: 'go', isProbe: false });
  });
});

test.each<[readonly string[], readonly string[] | 'any', number, string | null]>([
  [['iad', 'fra'], ['fra', 'iad'], 1, 'iad'],
  [['iad', 'fra'], ['fra', 'iad'], 2, 'fra'],
  [['iad', 'fra'], ['fra'], 1, 'fra'],
  [['iad'], ['fra'], 1, null],
  [[], ['fra', 'iad'], 2, 'iad'],
  [[], [], 1, null],
  [[], 'any', 3, 'local'],
  [['iad', 'fra'], 'any', 3, 'iad'],
])(
  'a webhook of regions %j with %j alive leaves at attempt %d from %s',
  (regions, live, attempt, region) => {
    expect(deliveryRegion(regions, live, attempt)).toBe(region);
  },
);
