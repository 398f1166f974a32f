import { describe, expect, it } from 'vitest';
import { explore } from './explore.test-support.ts';
import { ownershipModel, type OwnershipSetup } from './ownership-model.test-support.ts';
import { type OwnershipRules, RIGHT } from './ownership-rules.test-support.ts';

const isDeep = process.env['EZTHROTTLE_MODEL'] === 'deep';

/** Enough for every setup here but the deep ones, which may stop at some depth. */
const MAX_STATES = isDeep ? 1_200_000 : 150_000;

/** A search takes a second or so, and many times that on a machine that is busy. */
const PATIENCE_MS = isDeep ? 600_000 : 60_000;

const SMALL: OwnershipSetup = { nodes: 2, slots: 1, jobs: 1, rules: RIGHT, faults: {} };
const IMPATIENT: OwnershipRules = { ...RIGHT, isImpatient: true };

function look(setup: Partial<OwnershipSetup>) {
  return explore(ownershipModel({ ...SMALL, ...setup }), { maxStates: MAX_STATES });
}

type Setup = readonly [what: string, setup: Partial<OwnershipSetup>];
type Bug = readonly [what: string, setup: Partial<OwnershipSetup>, problem: string];

/** What is only looked at when it is asked for: it takes minutes. */
const DEEP: readonly Setup[] = [
  ['a pause and a slow clock', { faults: { pause: 1, drift: 1 } }],
  ['two jobs and a pause', { jobs: 2, faults: { pause: 1 } }],
  ['two jobs, a pause and a slow clock', { jobs: 2, faults: { pause: 1, drift: 1 } }],
  ['two pauses', { faults: { pause: 2 } }],
  ['a pause while one drains', { rules: IMPATIENT, faults: { drain: 1, pause: 1 } }],
  [
    'a death while one drains, of three',
    { nodes: 3, rules: IMPATIENT, faults: { drain: 1, kill: 1 } },
  ],
  ['a pause of three', { nodes: 3, faults: { pause: 1 } }],
  ['two deaths of three', { nodes: 3, faults: { kill: 2 } }],
  ['a cut and a death with two slots', { slots: 2, jobs: 2, faults: { cut: 1, kill: 1 } }],
];

describe('nodes that own slots', () => {
  it.each<Setup>([
    ['when nothing goes wrong', {}],
    ['when one is killed', { faults: { kill: 1 } }],
    ['when one is paused', { faults: { pause: 1 } }],
    ['when a clock is slow and one comes late', { faults: { drift: 1, lag: 2 } }],
    ['when a machine sleeps', { faults: { sleep: 1 } }],
    ['when one cannot reach the database for a while', { faults: { lag: 4 } }],
    [
      'when answers are late and a wall clock is put back',
      { faults: { delay: 1, putBack: 1, lag: 2 } },
    ],
    ['when one drains', { faults: { drain: 1 } }],
    ['when one drains and does not wait for its calls', { rules: IMPATIENT, faults: { drain: 1 } }],
    ['when a slot moves to a node that has none', { slots: 2, jobs: 2 }],
    [
      'when the connection is cut while a slot moves, and the one to have it is killed',
      { slots: 2, rules: IMPATIENT, faults: { cut: 1, kill: 1 } },
    ],
  ])(
    'send every attempt once, start nothing in one slot together and end every job %s',
    (_what, setup) => {
      const { finding, isComplete } = look(setup);
      expect(finding).toBeNull();
      expect(isComplete).toBe(true);
    },
    PATIENCE_MS,
  );

  it.each<Setup>(isDeep ? DEEP : [])(
    'hold to the same with %s',
    (_what, setup) => {
      expect(look(setup).finding).toBeNull();
    },
    PATIENCE_MS,
  );
});

const NO_MARGINS = { ...RIGHT.times, stopMarginMs: 0, takeMarginMs: 0 };

describe('the model finds what goes wrong', () => {
  it.each<Bug>([
    [
      'without margins, when a clock is slow',
      { rules: { ...RIGHT, times: NO_MARGINS }, faults: { drift: 1, lag: 4 } },
      'a node has sent after another had taken its slot',
    ],
    [
      'when a slot is taken before its owner is fenced',
      { rules: { ...RIGHT, order: 'take first', takesUnfenced: true }, faults: { lag: 4 } },
      'two nodes have started work in one slot',
    ],
    [
      'when tokens are not compared',
      { rules: { ...IMPATIENT, comparesTokens: false }, faults: { drain: 1 } },
      'an attempt that was over has ended its job',
    ],
    [
      'when fences are not read',
      { rules: { ...RIGHT, checksFences: false }, faults: { pause: 1 } },
      'a node that was fenced has written',
    ],
    [
      'when the next owner sends what was armed before',
      { rules: { ...RIGHT, sendsAgain: true }, faults: { pause: 1 } },
      'an attempt was sent twice',
    ],
    [
      'when a lease is counted from the answer',
      { rules: { ...RIGHT, leaseFrom: 'answer' }, faults: { delay: 1, lag: 4 } },
      'a node has sent after another had taken its slot',
    ],
    [
      'when only the wall clock is looked at',
      { rules: { ...RIGHT, clocks: 'wall' }, faults: { putBack: 1, lag: 4 } },
      'a node has sent after another had taken its slot',
    ],
    [
      'when only the monotonic clock is looked at',
      { jobs: 2, rules: { ...RIGHT, clocks: 'monotonic' }, faults: { sleep: 1 } },
      'a node has sent after another had taken its slot',
    ],
    [
      'when a slot is handed over with a write under way',
      { rules: { ...IMPATIENT, waitsForWrites: false }, faults: { drain: 1 } },
      'two nodes have started work in one slot',
    ],
    [
      'when a slot is sent from after its release was asked for',
      { rules: { ...IMPATIENT, sendsReleased: true }, faults: { drain: 1 } },
      'a node has sent after another had taken its slot',
    ],
    [
      'when a slot is served again after its release was asked for',
      {
        slots: 2,
        jobs: 2,
        rules: { ...RIGHT, forgetsReleases: true },
        faults: { cut: 1, kill: 1 },
      },
      'two nodes have started work in one slot',
    ],
    ['when nobody is left', { faults: { kill: 2 } }, 'there is no way to the goal from here'],
  ])(
    '%s',
    (_what, setup, problem) => {
      const { finding } = look(setup);
      expect(finding?.problem).toBe(problem);
      // Each step of the way is named, for whoever has to understand it.
      expect(finding?.moves.length).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );
});
