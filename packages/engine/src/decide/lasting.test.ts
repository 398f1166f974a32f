import { expect, test } from 'vitest';
import type { Leg } from '../job/run.ts';
import { lasting } from './lasting.ts';

const everything: Omit<
  Required<Extract<Leg, { state: 'armed' }>>,
  'state' | 'attempt' | 'token'
> = {
  id: 2,
  path: 1,
  region: 'iad',
  triedRegions: ['fra'],
  retries: 3,
  reroutes: 1,
  unknowns: 2,
  heldBack: 4,
  isHedge: true,
  redirect: { url: 'https://b.test', hops: 1, method: 'GET', hasBody: false, isElsewhere: true },
};

test('a leg keeps all but its state and what belongs to it', () => {
  expect(lasting({ ...everything, state: 'armed', attempt: 5, token: 't' })).toEqual(everything);
  expect(lasting({ ...everything, state: 'waiting', readyAt: 9 })).toEqual(everything);
});

test('what a leg does not have it does not get', () => {
  const { isHedge, redirect, ...plain } = everything;
  const leg: Leg = { ...plain, state: 'waiting', readyAt: 9 };
  expect(Object.keys(lasting(leg))).toEqual(Object.keys(plain));
  expect(lasting({ ...leg, isHedge })).toEqual({ ...plain, isHedge });
  expect(lasting({ ...leg, redirect })).toEqual({ ...plain, redirect });
});
