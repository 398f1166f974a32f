// The client of operators against a real server.

import { isConflictError, isNotFoundError } from '@ezthrottle/core';
import { ManagementClient } from '@ezthrottle/core/manage';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer, textOf, until } from './running-server.ts';

let server: RunningServer;
let target: Upstream;
let manage: ManagementClient;

beforeAll(async () => {
  target = await createUpstream({ status: 400 });
  target.route('/well', { status: 200 });
  server = await startServer({
    rate: [`${target.origin}=1000`],
    'delivery-delays': '0s',
    'delivery-give-up': '100ms',
  });
  manage = new ManagementClient({ apiKey: server.apiKey, baseUrl: server.url, actor: 'Adá <a@b>' });
});

afterAll(async () => {
  await manage.close();
  await server.close();
  await target.close();
});

async function all<Item>(listing: AsyncIterable<Item>): Promise<readonly Item[]> {
  const items: Item[] = [];
  for await (const item of listing) items.push(item);
  return items;
}

let submitted = 0;

async function deadJob(job: object = {}): Promise<string> {
  submitted += 1;
  const url = target.url(`/?${submitted}`);
  const reply = await server.call('POST', '/api/v1/jobs', { url, ...job });
  const id = textOf(reply.json['job_id']);
  await until(
    () => server.call('GET', `/api/v1/jobs/${id}`),
    ({ json }) => json['ended_at'] !== null,
  );
  return id;
}

test('an operator finds a dead job, sees why it died, edits it and sends it again', async () => {
  const id = await deadJob({ tags: ['one'] });
  const found = await all(
    manage.deadLetters.jobs({ reasons: ['target_refused'], tag: 'one', endedBefore: new Date() }),
  );
  expect(found.map(({ job_id }) => job_id)).toEqual([id]);
  expect(await manage.deadLetters.job(id)).toMatchObject({ error: 'status_400' });

  const edit = { url: target.url('/well'), headers: { 'X-New': '1', 'X-Old': null } };
  const replayed = await manage.deadLetters.replayJob(id, { reason: 'moved', edit });
  expect(replayed).toMatchObject({ redrive_of: id });
  expect(await manage.deadLetters.replayJob(id, { reason: 'once more' })).toMatchObject({
    job_id: replayed.job_id,
    duplicate: true,
    mismatch: true,
  });
  await until(
    () => server.call('GET', `/api/v1/jobs/${replayed.job_id}`),
    ({ json }) => json['status'] === 'success',
  );
  const [entry] = await all(manage.auditLog.list({ target: id }));
  expect(entry).toMatchObject({ action: 'job.replay', actor: 'Adá <a@b>', reason: 'moved' });
});

test('a dead delivery is sent again, as it is or as a new one', async () => {
  target.route('/hook', { status: 500 });
  await deadJob({ tags: ['hooked'], webhooks: [{ url: target.url('/hook') }] });
  const [dead] = await until(
    () => all(manage.deadLetters.deliveries({ tag: 'hooked', reasons: ['gave_up'] })),
    (found) => found.length === 1,
  );
  const id = dead?.delivery_id ?? '';
  const moved = { reason: 'moved', asNew: true, url: target.url('/well') };
  const copy = await manage.deadLetters.replayDelivery(id, moved);
  expect(copy.delivery_id).not.toBe(id);
  target.route('/hook', { status: 200 });
  expect(await manage.deadLetters.replayDelivery(id, { reason: 'well again' })).toMatchObject({
    delivery_id: id,
  });
  const delivered = await until(
    () => manage.deadLetters.delivery(id),
    ({ state }) => state === 'delivered',
  );
  expect(delivered.replayed?.after_attempts).toBe(delivered.attempts - 1);
});

test('a redrive is tried dry, begun, watched and read', async () => {
  for (let count = 0; count < 3; count += 1) await deadJob({ tags: ['many'] });
  const redrive = { reason: 'the target is well', filter: { tag: 'many' }, rate: 100 };
  expect(await manage.redrives.dryRun(redrive)).toMatchObject({ count: 3, more: false });
  const begun = await manage.redrives.begin({
    ...redrive,
    canary: 1,
    maxFailurePercent: 50,
    maxItems: 2,
    edit: { url: target.url('/well'), executeBefore: null },
  });
  expect(begun).toMatchObject({ state: 'canary', actor: 'Adá <a@b>', max_items: 2 });
  const over = await manage.redrives.wait(begun.redrive_id, { pollInterval: 20 });
  expect(over).toMatchObject({ state: 'completed', counts: { succeeded: 2 } });
  const items = await all(manage.redrives.items(begun.redrive_id, { limit: 1 }));
  expect(items.map(({ number, outcome }) => [number, outcome])).toEqual([
    [1, 'succeeded'],
    [2, 'succeeded'],
  ]);
  const [newest] = await all(manage.redrives.list());
  expect(newest).toEqual(over);
  await expect(manage.redrives.cancel(begun.redrive_id, { reason: 'enough' })).rejects.toSatisfy(
    isConflictError,
  );
});

test('what cannot be done is told with its own error', async () => {
  const nobody = '00000000-0000-7000-8000-000000000000';
  await expect(manage.deadLetters.job(nobody)).rejects.toSatisfy(isNotFoundError);
  await expect(manage.redrives.get(nobody)).rejects.toSatisfy(isNotFoundError);
  await expect(manage.deadLetters.replayJob('', { reason: 'nobody' })).rejects.toSatisfy(
    isNotFoundError,
  );
  await expect(manage.redrives.begin({ reason: '', rate: 0 })).rejects.toMatchObject({
    problems: [{ path: 'reason' }, { path: 'rate' }],
  });
});
