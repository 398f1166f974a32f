import { describe, expect, it } from 'vitest';
import {
  allotmentModel,
  type AllotmentRules,
  type AllotmentSetup,
  RIGHT_ALLOTMENTS,
} from './allotment-model.test-support.ts';
import { explore } from './explore.test-support.ts';

const isDeep = process.env['EZTHROTTLE_MODEL'] === 'deep';
const MAX_STATES = isDeep ? 1_200_000 : 100_000;

function look(setup: Omit<AllotmentSetup, 'rules'>, rules: Partial<AllotmentRules> = {}) {
  const model = allotmentModel({ ...setup, rules: { ...RIGHT_ALLOTMENTS, ...rules } });
  return explore(model, { maxStates: MAX_STATES });
}

describe('homes that spend one limit', () => {
  it.each([
    { homes: 2, slots: 1 },
    ...(isDeep
      ? [
          { homes: 2, slots: 3 },
          { homes: 3, slots: 1 },
        ]
      : []),
  ])(
    'never spend more than it is, and each gets its part ($homes homes, $slots slots)',
    (setup) => {
      const { finding, isComplete } = look(setup);
      expect(finding).toBeNull();
      expect(isComplete || isDeep).toBe(true);
    },
    600_000,
  );
});

describe('the model of a limit finds what goes wrong', () => {
  it.each<readonly [string, Partial<AllotmentRules>]>([
    ['when more is granted before less was confirmed', { countsConfirmed: false }],
    ['when more is spent before it was confirmed', { confirmsFirst: false }],
    ['when a confirmation does not name its grant', { namesGrant: false }],
    [
      'when two divide the limit from what they read at different times',
      { comparesVersion: false },
    ],
  ])(
    '%s',
    (_what, rules) => {
      const { finding } = look({ homes: 2, slots: 1 }, rules);
      expect(finding?.problem).toBe('more is spent than the limit');
    },
    60_000,
  );
});
