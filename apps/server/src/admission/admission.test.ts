import { FakeClock } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import { createAdmission } from './admission.ts';
import { createLoadMeter } from './load-meter.ts';

test('whoever only looks for room makes nobody wait longer', async () => {
  const clock = new FakeClock();
  const admission = createAdmission({
    clock,
    meter: createLoadMeter({ clock, countsAccounts: false }),
    backlog: async () => 100,
    residentBytes: () => 0,
    storeBytes: async () => 0,
    limits: {
      memoryMb: 0,
      storeBytes: 0,
      backlog: 100,
      organizationBacklog: 0,
      accountBacklog: 0,
    },
    maxBodyBytes: 1_000,
    retryAfterSeconds: 5,
  });
  for (let looks = 0; looks < 10; looks += 1) expect(await admission.hasRoom(1)).toBe(false);
  expect((await admission.refusal(1))?.retryAfter).toBe(5);
  expect((await admission.refusal(1))?.retryAfter).toBe(10);
});
