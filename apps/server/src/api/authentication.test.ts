import { inspect } from 'node:util';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import type { ApiKeys, Caller } from '../tenancy/api-keys.ts';
import { createAuthentication } from './authentication.ts';

const CALLER: Caller = {
  organization: 'organization-of-the-caller',
  apiKey: 'key-of-the-caller',
  keyHash: 'hash-of-the-key',
  dialect: 'ezthrottle',
  scopes: ['read'],
  expiresAt: null,
};

const keys: Pick<ApiKeys, 'authenticate'> = {
  authenticate: async (key) => (key === 'sesame' ? CALLER : null),
};

it('knows who makes a request, and tells nobody who prints the request', async () => {
  await using app = Fastify();
  const authentication = createAuthentication(app, keys);
  app.get('/', { onRequest: (request) => authentication.check(request, 'read') }, (request) => ({
    organization: authentication.callerOf(request).organization,
    printed: inspect(request, { depth: 4, showHidden: true }),
  }));
  const answer = await app.inject({ url: '/', headers: { authorization: 'Bearer sesame' } });
  const { organization, printed } = answer.json<{ organization: string; printed: string }>();
  expect(organization).toBe(CALLER.organization);
  expect(printed).toContain('lightMyRequest');
  for (const known of [CALLER.organization, CALLER.apiKey, CALLER.keyHash]) {
    expect(printed).not.toContain(known);
  }
});
