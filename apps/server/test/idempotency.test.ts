// What becomes of a submit whose key is taken: the SDK against the server, over HTTP.

import { EZThrottle, isConflictError, isValidationError, Step } from '@ezthrottle/core';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, until } from './running-server.ts';

const DAY_MS = 86_400_000;

let server: RunningServer;
let target: Upstream;
let client: EZThrottle;

beforeAll(async () => {
  target = await createUpstream({ body: { fine: true } });
  server = await startServer({ rate: [`${target.origin}=1000`] });
  client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
});

afterAll(async () => {
  await client.close();
  await server.close();
  await target.close();
});

/** Waits for an hour, so that nothing of it is armed. */
function later(idempotentKey: string, body = 'first') {
  const retryAt = Date.now() + 3_600_000;
  return { url: target.url('/later'), method: 'POST', body, idempotentKey, retryAt };
}

describe('a submit whose key is taken', () => {
  test('replaces the first job when asked to, as long as nothing of it was armed', async () => {
    const first = await client.submitJob(later('replaced'));
    const { retryAt: _, ...atOnce } = later('replaced', 'second');
    const second = await client.submitJob({ ...atOnce, onConflict: 'replace' });
    expect(second).toMatchObject({ replaced_job_id: first.job_id, idempotent_key: 'replaced' });
    expect(second.job_id).not.toBe(first.job_id);
    expect(await client.wait(second.job_id)).toMatchObject({ state: 'completed' });
    expect(await client.jobs.get(first.job_id)).toMatchObject({ state: 'cancelled' });
    const sent = target.requests.filter(({ path }) => path === '/later');
    expect(sent.map(({ body }) => body)).toEqual(['second']);
    expect(await client.submitJob(later('replaced'))).toMatchObject({ job_id: second.job_id });
  });

  test('comes too late to replace a job that was sent', async () => {
    const { retryAt: _, ...atOnce } = later('sent');
    const { job_id } = await client.submitJob(atOnce);
    await client.wait(job_id);
    const refused = client.submitJob({ ...atOnce, on_conflict: 'replace' });
    await expect(refused).rejects.toSatisfy(isConflictError);
    await expect(refused).rejects.toMatchObject({ code: 'replace_too_late' });
  });

  test('of many that replace at one time, each is the job or was cancelled for another', async () => {
    const submits = Array.from({ length: 20 }, (_, n) =>
      client.submitJob({ ...later('raced', String(n)), onConflict: 'replace' }),
    );
    const taken = (await Promise.all(submits)).map(({ job_id: id }) => id);
    expect(new Set(taken).size).toBe(20);
    const jobs = await Promise.all(taken.map((id) => client.jobs.get(id)));
    const live = jobs.filter(({ state }) => state === 'scheduled');
    expect(live).toHaveLength(1);
    const others = jobs.filter((job) => job !== live[0]);
    expect(new Set(others.map(({ state }) => state))).toEqual(new Set(['cancelled']));
  });

  test('is refused when asked to', async () => {
    await client.submitJob(later('refused'));
    await expect(
      client.submitJob({ ...later('refused'), onConflict: 'reject' }),
    ).rejects.toMatchObject({ status: 409, code: 'idempotency_conflict' });
    const strict = client.submitJob({
      ...later('refused', 'other'),
      strictIdempotency: true,
      onConflict: 'replace',
    });
    await expect(strict).rejects.toSatisfy(isValidationError);
    await expect(strict).rejects.toMatchObject({ status: 422, code: 'idempotency_mismatch' });
  });

  test('of another account is a job of its own when the key is the account’s', async () => {
    const job = { ...later('per account'), idempotencyScope: 'account' } as const;
    const ids = await Promise.all(
      ['one', 'two', 'one'].map(
        async (userId) => (await client.submitJob({ ...job, userId })).job_id,
      ),
    );
    expect(ids[2]).toBe(ids[0]);
    expect(ids[1]).not.toBe(ids[0]);
    const shared = await client.submitJob({ ...later('per account'), userId: 'one' });
    expect(ids).not.toContain(shared.job_id);
  });
});

describe('the end of a key’s window', () => {
  test('stands in every answer: of a new job, of a duplicate, in batches, before and after the end', async () => {
    const job = { ...later('window'), idempotencyWindowMs: 5_000 };
    const first = await client.submitJob(job);
    const latest = job.retryAt + DAY_MS + 5_000;
    expect(first.idempotency_expires_at).toBe(latest);
    const repeat = await client.submitJob({ ...job, idempotencyWindowMs: 1 });
    expect(repeat).toMatchObject({ duplicate: true, idempotency_expires_at: latest });
    const [known, fresh] = await client.submitJobs([job, { ...job, idempotentKey: 'window 2' }]);
    expect(known).toMatchObject({ job: { idempotency_expires_at: latest } });
    expect(fresh).toMatchObject({ job: { idempotency_expires_at: latest } });
    await client.jobs.cancel(first.job_id);
    const { ended_at: endedAt } = await client.jobs.get(first.job_id);
    const ended = await client.submitJob(job);
    expect(ended).toMatchObject({ duplicate: true, job_id: first.job_id });
    expect(ended.idempotency_expires_at).toBe(Number(endedAt) + 5_000);
  });

  test('stands in refusals as well, of a single job and in batches', async () => {
    const { retryAt, ...others } = later('refused window');
    const job = { ...others, retry_at: retryAt, idempotent_key: 'refused window' };
    const submit = (more: object) => server.call('POST', '/api/v1/jobs', { ...job, ...more });
    const { idempotency_expires_at: latest, job_id: id } = (await submit({})).json;
    const rejecting = await submit({ on_conflict: 'reject' });
    const told = { job_id: id, idempotency_expires_at: latest };
    expect([rejecting.status, rejecting.json]).toMatchObject([409, told]);
    const strict = { ...job, body: 'other', strict_idempotency: true };
    const mismatch = await server.call('POST', '/api/v1/jobs/batch', { jobs: [strict] });
    expect(mismatch.json['results']).toMatchObject([{ status_code: 422, body: told }]);
    await client.jobs.cancel(String(id));
    const ended = (await submit({})).json['idempotency_expires_at'];
    const late = await submit({ on_conflict: 'replace' });
    expect([late.status, late.json]).toMatchObject([
      409,
      { error: 'replace_too_late', job_id: id, idempotency_expires_at: ended },
    ]);
  });

  test('frees the key', async () => {
    const { retryAt: _, ...job } = { ...later('short'), idempotencyWindowMs: 50 };
    const first = await client.submitJob(job);
    await client.wait(first.job_id);
    const next = await until(
      () => client.submitJob(job),
      (answer) => answer.job_id !== first.job_id,
    );
    expect(next.duplicate).toBeUndefined();
  });

  test('may be chosen on a step', async () => {
    const step = new Step(client)
      .url(target.url('/step'))
      .retryAt(Date.now() + 3_600_000)
      .idempotentKey('step')
      .idempotency({ windowMs: 60_000, scope: 'account', onConflict: 'reject' });
    const result = await step.execute();
    if (result.kind !== 'submitted') throw new Error('not submitted');
    await expect(step.execute()).rejects.toMatchObject({ code: 'idempotency_conflict' });
  });
});

test('a cancel that is asked again is answered as the first time', async () => {
  const { job_id } = await client.submitJob(later('cancelled twice'));
  const first = await client.jobs.cancel(job_id);
  expect(await client.jobs.cancel(job_id)).toEqual(first);
  const done = await client.submitJob({ url: target.url('/done') });
  await client.wait(done.job_id);
  const refused = await server.call('DELETE', `/api/v1/jobs/${done.job_id}`);
  expect([refused.status, objectOf(refused.json)['state']]).toEqual([409, 'completed']);
});
