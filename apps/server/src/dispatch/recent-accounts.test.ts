import { expect, test } from 'vitest';
import { RecentAccounts } from './recent-accounts.ts';

test('calls of the last second are counted, and the accounts that they were made for', () => {
  const recent = new RecentAccounts(0);
  for (let call = 0; call < 30; call += 1) {
    recent.begun({ apiKey: 'key', userId: `${call % 3}` }, call * 10);
  }
  expect([recent.calls(500), recent.accounts(500)]).toEqual([30, 3]);
  recent.begun({ apiKey: 'other', userId: '0' }, 1_100);
  expect([recent.calls(1_100), recent.accounts(1_100)]).toEqual([30, 3]);
  expect([recent.calls(2_200), recent.accounts(2_200)]).toEqual([1, 1]);
  expect([recent.calls(9_000), recent.accounts(9_000)]).toEqual([0, 0]);
});
