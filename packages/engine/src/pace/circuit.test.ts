import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../job/outcome.ts';
import {
  afterCall,
  type Circuit,
  CLOSED_CIRCUIT,
  circuitShare,
  circuitVerdict,
  DEFAULT_CIRCUIT,
  passCircuit,
  restoreCircuit,
  saveCircuit,
} from './circuit.ts';

const DOWN: Outcome = { kind: 'network_error', code: 'ECONNREFUSED', message: 'refused' };
const UP = status(200);

function status(code: number, headers: Readonly<Record<string, string>> = {}): Outcome {
  return { kind: 'response', status: code, headers };
}

function failing(times: number, everyMs = 500): Circuit {
  let circuit: Circuit = CLOSED_CIRCUIT;
  for (let call = 0; call < times; call += 1) {
    circuit = afterCall(circuit, DOWN, false, call * everyMs);
  }
  return circuit;
}

describe('a destination is taken for', () => {
  test.each<[string, Outcome, string]>([
    ['a network error', DOWN, 'down'],
    ['a timeout', { kind: 'timeout', message: 'late' }, 'down'],
    ['502', status(502), 'down'],
    ['503', status(503), 'down'],
    ['504', status(504), 'down'],
    ['522', status(522), 'down'],
    ['503 with Retry-After', status(503, { 'retry-after': '3' }), 'up'],
    ['500', status(500), 'up'],
    ['429', status(429), 'up'],
    ['404', status(404), 'up'],
    ['an abort', { kind: 'aborted' }, 'silent'],
    ['a crash', { kind: 'unknown' }, 'silent'],
    ['a refusal of ours', { kind: 'refused', code: 'x', message: 'private' }, 'silent'],
  ])('by %s: %s', (_, outcome, verdict) => {
    expect(circuitVerdict(outcome)).toBe(verdict);
  });
});

describe('calls to a destination that is down', () => {
  test('are held after five failures in a row over a second, and not before', () => {
    expect(passCircuit(failing(4), 2_000).pass).toBe('go');
    expect(passCircuit(failing(50, 1), 60).pass).toBe('go');
    expect(passCircuit(failing(5), 2_000)).toEqual({ pass: 'hold', until: 7_000 });
    const between = afterCall(failing(4), UP, false, 1_800);
    expect(between).toEqual(CLOSED_CIRCUIT);
  });

  test('are tried one at a time, ever more rarely', () => {
    let circuit = failing(5);
    const waits: number[] = [];
    let now = 2_000;
    for (let probe = 0; probe < 9; probe += 1) {
      const held = passCircuit(circuit, now);
      expect(held.pass).toBe('hold');
      const until = held.pass === 'hold' ? (held.until ?? 0) : 0;
      waits.push((until - now) / 1_000);
      now = until;
      const pass = passCircuit(circuit, now);
      expect(pass).toMatchObject({ pass: 'go', isProbe: true });
      circuit = pass.pass === 'go' ? pass.circuit : circuit;
      expect(passCircuit(circuit, now + 1)).toEqual({ pass: 'hold', until: null });
      circuit = afterCall(circuit, DOWN, true, now);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test('come back step by step after one that succeeds', () => {
    const pass = passCircuit(failing(5), 7_000);
    const probing = pass.pass === 'go' ? pass.circuit : CLOSED_CIRCUIT;
    const ramping = afterCall(probing, UP, true, 8_000);
    expect(circuitShare(ramping, 8_000)).toBe(0.1);
    expect(circuitShare(ramping, 13_000)).toBeCloseTo(0.55);
    expect(passCircuit(ramping, 8_000)).toMatchObject({ pass: 'go', isProbe: false });
    expect(afterCall(ramping, UP, false, 17_999)).toEqual(ramping);
    expect(afterCall(ramping, UP, false, 18_000)).toEqual(CLOSED_CIRCUIT);
    expect(afterCall(ramping, DOWN, false, 9_000)).toMatchObject({ state: 'open', opens: 2 });
  });

  test('are probed again at once when it was we who stopped the probe', () => {
    const pass = passCircuit(failing(5), 7_000);
    const probing = pass.pass === 'go' ? pass.circuit : CLOSED_CIRCUIT;
    const stopped = afterCall(probing, { kind: 'aborted' }, true, 7_500);
    expect(passCircuit(stopped, 7_500)).toMatchObject({ pass: 'go', isProbe: true });
  });

  test('are held after a restart for what was left of the wait', () => {
    const saved = saveCircuit(failing(5), 3_000);
    expect(restoreCircuit(saved, 100)).toEqual({ state: 'open', probeAt: 4_100, opens: 1 });
    expect(restoreCircuit(saveCircuit(CLOSED_CIRCUIT, 0), 0)).toEqual(CLOSED_CIRCUIT);
    for (const text of ['', 'null', '[]', '{"version":1,"opens":"x"}', '{"version":2,"opens":1}']) {
      expect(restoreCircuit(text, 0)).toEqual(CLOSED_CIRCUIT);
    }
  });
});

test('whatever happens, at most one probe is under way, and an up destination is open again in the end', () => {
  const outcomes = fc.constantFrom(DOWN, UP, status(429), status(503), {
    kind: 'aborted',
  } as const);
  const events = fc.array(fc.tuple(outcomes, fc.integer({ min: 0, max: 20_000 })), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(events, (script) => {
      let circuit: Circuit = CLOSED_CIRCUIT;
      let now = 0;
      let isProbing = false;
      for (const [outcome, afterMs] of script) {
        now += afterMs;
        const pass = passCircuit(circuit, now);
        if (pass.pass === 'go') {
          expect(pass.isProbe && isProbing).toBe(false);
          circuit = pass.circuit;
          isProbing = circuit.state === 'probing';
        }
        const isProbe = circuit.state === 'probing' && isProbing;
        circuit = afterCall(circuit, outcome, isProbe, now);
        if (isProbe) isProbing = false;
      }
      for (let call = 0; call < 4; call += 1) {
        now += DEFAULT_CIRCUIT.maxProbeAfterMs;
        const pass = passCircuit(circuit, now);
        expect(pass.pass).toBe('go');
        if (pass.pass === 'go') circuit = afterCall(pass.circuit, UP, pass.isProbe, now);
      }
      expect(circuit).toEqual(CLOSED_CIRCUIT);
    }),
  );
});
