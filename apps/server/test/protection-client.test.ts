import { ManagementClient } from '@ezthrottle/core/manage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer, until } from './running-server.ts';

let server: RunningServer;
let manage: ManagementClient;

beforeAll(async () => {
  server = await startServer();
  const { apiKey, url: baseUrl } = server;
  manage = new ManagementClient({ apiKey, baseUrl, actor: 'ada@example.com' });
});

afterAll(async () => {
  await manage.close();
  await server.close();
});

test('API keys are made, looked at, rotated and revoked by name of who does it', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const made = await manage.apiKeys.create({ name: 'billing', scopes: ['submit'], expiresAt });
  expect(made).toMatchObject({ scopes: ['submit'], expires_at: expiresAt.getTime() });
  const rotated = await manage.apiKeys.rotate(made.id, { overlapMs: 1_000 });
  expect(rotated).toMatchObject({ id: made.id, api_key: expect.not.stringMatching(made.api_key) });
  expect((await manage.apiKeys.revoke(made.id)).revoked_at).not.toBeNull();
  expect((await manage.apiKeys.list()).map(({ id }) => id)).toContain(made.id);
  expect((await manage.apiKeys.get(made.id)).name).toBe('billing');
  const { entries } = await manage.auditLog.list({ target: made.id }).page();
  const acts = entries.map(({ action, actor }) => `${actor} ${action}`);
  const done = ['revoke', 'rotate', 'create'].map((act) => `ada@example.com api_key.${act}`);
  expect(acts).toEqual(done);
});

test('secrets are put, listed and deleted', async () => {
  const secret = { value: 'a-secret-value', origins: ['https://api.example.com'] };
  await manage.secrets.put('TOKEN', secret);
  expect((await manage.secrets.list()).map(({ name }) => name)).toEqual(['TOKEN']);
  expect((await manage.secrets.get('TOKEN')).origins).toEqual(secret.origins);
  await manage.secrets.delete('TOKEN');
  await expect(manage.secrets.get('TOKEN')).rejects.toMatchObject({ status: 404 });
  await expect(manage.secrets.delete('..')).rejects.toMatchObject({ code: 'not_found' });
});

test('what is kept is set, and an account is deleted', async () => {
  expect(await manage.privacy.setRetention({ bodiesMs: 3_600_000 })).toEqual(
    await manage.privacy.retention(),
  );
  const redaction = await manage.privacy.setRedaction({ responsePaths: ['$..password'] });
  expect(redaction.response_paths).toEqual(['$..password']);
  expect(await manage.privacy.redaction()).toEqual(redaction);
  await expect(manage.privacy.deleteAccount('')).rejects.toThrow('cannot be a name');
  expect(await manage.privacy.deleteAccount('ada/1')).toMatchObject({ user_id: 'ada/1' });
  const over = await until(
    () => manage.privacy.accountDeletion('ada/1'),
    ({ status }) => status === 'done',
  );
  expect(over).toMatchObject({ removed: 0, is_more_left: false });
});
