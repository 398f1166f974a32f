import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  admit,
  circuitPolicy,
  CLOSED,
  settle,
  type CallOutcome,
  type Circuit,
} from './circuit-breaker.ts';

const POLICY = { failures: 3, openMs: 1_000 };

/** The circuit after calls that came one after the other, all at one moment. */
function after(outcomes: readonly CallOutcome[], now = 0, from: Circuit = CLOSED): Circuit {
  return outcomes.reduce((circuit, outcome, index) => {
    const { circuit: admitted, ticket } = admit(circuit, now, index + 1, POLICY);
    return ticket === null ? admitted : settle(admitted, ticket, outcome, now, POLICY);
  }, from);
}

describe('a circuit', () => {
  it('opens after so many failures in a row, and an answer in between starts the count again', () => {
    expect(after(['failure', 'failure'])).toEqual({ state: 'closed', failures: 2 });
    expect(after(['failure', 'failure', 'success', 'failure'])).toMatchObject({ failures: 1 });
    expect(after(['failure', 'failure', 'failure'])).toEqual({ state: 'open', until: 1_000 });
  });

  it('is not moved by calls that were given up', () => {
    expect(after(['failure', 'unknown', 'failure'])).toMatchObject({ failures: 2 });
  });

  it('lets one call through when its time is over, and the others wait for it', () => {
    const open = after(['failure', 'failure', 'failure']);
    expect(admit(open, 999, 10, POLICY)).toMatchObject({ ticket: null, until: 1_000 });
    const probe = admit(open, 1_000, 11, POLICY);
    expect(probe.ticket).toBe(11);
    expect(admit(probe.circuit, 1_001, 12, POLICY).ticket).toBeNull();
    expect(settle(probe.circuit, 11, 'success', 1_002, POLICY)).toEqual(CLOSED);
    expect(settle(probe.circuit, 11, 'failure', 1_002, POLICY)).toMatchObject({ until: 2_002 });
    const givenUp = settle(probe.circuit, 11, 'unknown', 1_002, POLICY);
    expect(admit(givenUp, 1_002, 13, POLICY).ticket).toBe(13);
  });

  it('sends another call when the one that was to see never ends', () => {
    const open = after(['failure', 'failure', 'failure']);
    const { circuit } = admit(open, 1_000, 11, POLICY);
    expect(admit(circuit, 1_999, 12, POLICY)).toMatchObject({ ticket: null, until: 2_000 });
    const next = admit(circuit, 2_000, 13, POLICY);
    expect(next.ticket).toBe(13);
    expect(settle(next.circuit, 11, 'failure', 2_001, POLICY)).toEqual(next.circuit);
    expect(settle(next.circuit, 13, 'success', 2_002, POLICY)).toEqual(CLOSED);
  });

  it('is not moved by calls that began before it opened', () => {
    const open = after(['failure', 'failure', 'failure']);
    expect(settle(open, 1, 'success', 5, POLICY)).toEqual(open);
    const { circuit } = admit(open, 1_000, 11, POLICY);
    expect(settle(circuit, 1, 'success', 1_001, POLICY)).toEqual(circuit);
    expect(settle(circuit, 1, 'failure', 1_001, POLICY)).toEqual(circuit);
  });

  it('has the documented defaults, and can be left out', () => {
    expect(circuitPolicy(undefined)).toEqual({ failures: 5, openMs: 10_000 });
    expect(circuitPolicy({ failures: 1 })).toEqual({ failures: 1, openMs: 10_000 });
    expect(circuitPolicy(false)).toBeNull();
  });

  it('never refuses for longer than its time, nor lets more than one call through while it is not closed', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('call' as const), waitMs: fc.integer({ min: 0, max: 1_500 }) }),
      fc.record({
        kind: fc.constant('end' as const),
        which: fc.nat(),
        outcome: fc.constantFrom<CallOutcome>('success', 'failure', 'unknown'),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let circuit: Circuit = CLOSED;
        let now = 0;
        let tickets = 0;
        const out: number[] = [];
        let failuresInRow = 0;
        for (const each of steps) {
          if (each.kind === 'call') {
            now += each.waitMs;
            const before = circuit;
            const admission = admit(circuit, now, (tickets += 1), POLICY);
            circuit = admission.circuit;
            if (admission.ticket === null) {
              expect(admission.until - now).toBeLessThanOrEqual(POLICY.openMs);
              expect(before.state).not.toBe('closed');
              if (before.state === 'open') expect(now).toBeLessThan(before.until);
              else if (before.state === 'half_open') expect(out).toContain(before.probe);
            } else out.push(admission.ticket);
          } else if (out.length > 0) {
            const [ticket = 0] = out.splice(each.which % out.length, 1);
            const wasClosed = circuit.state === 'closed';
            circuit = settle(circuit, ticket, each.outcome, now, POLICY);
            if (wasClosed && each.outcome === 'success') failuresInRow = 0;
            if (wasClosed && each.outcome === 'failure') failuresInRow += 1;
            if (wasClosed) expect(circuit.state === 'open').toBe(failuresInRow >= POLICY.failures);
            if (circuit.state === 'closed' && !wasClosed) failuresInRow = 0;
            if (circuit.state === 'open') failuresInRow = 0;
          }
        }
      }),
    );
  });
});
