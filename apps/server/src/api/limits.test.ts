import { FakeClock } from '@ezthrottle/testkit';
import { expect, it } from 'vitest';
import { createAuditLog } from '../audit/audit-log.ts';
import type { Limits } from '../limits/limits.ts';
import { limitRoutes } from './limits.ts';
import type { Call } from './route.ts';

it('a limit more than there may be is refused with 409 and the number', async () => {
  const limits: Limits = {
    get: async () => null,
    list: async () => [],
    change: async () => ({ verdict: 'full', most: 1_000 }),
  };
  const clock = new FakeClock();
  const audit = createAuditLog({
    reads: { list: async () => [] },
    commit: async () => ({ verdict: 'ok' }),
    clock,
    newId: () => 'id',
  });
  const routes = limitRoutes({
    limits,
    states: { stateOf: () => null },
    apiKeys: { apiKey: async () => null },
    clock,
    audit,
  });
  const route = routes.find(({ method }) => method === 'PUT');
  if (route === undefined || route.access === 'public') throw new Error('no such route');
  const call: Call = {
    body: { rate: 1 },
    params: { key: 'one-more' },
    query: {},
    header: () => null,
    requestId: 'r',
    onGone: () => undefined,
  };
  const caller = {
    organization: 'o',
    apiKey: 'k',
    dialect: 'ezthrottle',
    scopes: ['manage'],
    keyHash: 'hash',
    expiresAt: null,
  } as const;
  await expect(route.handle(call, caller)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('1000'),
  });
});
