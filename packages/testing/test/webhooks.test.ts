import { EZThrottle, ForwardFailedError, Step, StepType } from '@ezthrottle/core';
import { createReceiver } from '@ezthrottle/core/webhooks';
import { createTestServer } from '@ezthrottle/testing';
import { describe, expect, test } from 'vitest';

const TARGET = 'https://api.example.com/orders';
const HOOK = 'https://app.example.com/webhooks';
const OTHER_HOOK = 'https://other.example.com/webhooks';

describe('a delivery', () => {
  test('is verified by a receiver of the application, which knows only the time of the system', async () => {
    const server = createTestServer();
    server.upstream(TARGET, { body: 'done', delay: '10m' });
    const received: string[] = [];
    const receiver = createReceiver({ secrets: server.signingSecret });
    receiver.on('failed', ({ error }) => void received.push(error ?? ''));
    server.webhook(HOOK, receiver);
    await server.client().submitJob({
      url: TARGET,
      retryPolicy: { maxReroutes: 0 },
      webhooks: [{ url: HOOK }],
    });
    await server.clock.advance('2h');
    expect(received).toEqual(['timeout: no complete answer within 30000 ms']);
  });

  test('comes again until the handler succeeds, and is then delivered', async () => {
    const server = createTestServer();
    server.upstream(TARGET);
    const attempts: (number | null)[] = [];
    const webhook = server.webhook(HOOK, async ({ attempt }) => {
      attempts.push(attempt);
      return attempts.length < 3 ? 500 : 204;
    });
    const { job_id: jobId } = await server
      .client()
      .submitJob({ url: TARGET, webhooks: [{ url: HOOK }] });
    await server.runToEnd();
    expect(attempts).toEqual([1, 2, 3]);
    const [first, second] = webhook.calls;
    expect((second?.elapsedMs ?? 0) - (first?.elapsedMs ?? 0)).toBeGreaterThanOrEqual(1_000);
    expect(await server.job(jobId)).toMatchObject({
      deliveries: [{ state: 'delivered', attempts: 3 }],
    });
  });

  test('counts towards the quorum', async () => {
    const server = createTestServer();
    server.upstream(TARGET);
    server.webhook(HOOK);
    server.webhook(OTHER_HOOK, [500, 200]);
    const { job_id: jobId } = await server.client().submitJob({
      url: TARGET,
      webhooks: [{ url: HOOK }, { url: OTHER_HOOK }],
      webhookQuorum: 2,
    });
    await server.settle();
    expect(await server.job(jobId)).toMatchObject({ quorum_reached_at: null });
    await server.runToEnd();
    expect((await server.job(jobId))?.quorum_reached_at).toBeGreaterThan(0);
  });

  test('that a handler throws at fails the test where time is moved', async () => {
    const server = createTestServer();
    server.upstream(TARGET);
    server.webhook(HOOK, () => {
      throw new Error('an expectation inside the handler');
    });
    await server.client().submitJob({ url: TARGET, webhooks: [{ url: HOOK }] });
    await expect(server.settle()).rejects.toThrow('an expectation inside the handler');
  });

  test('that hangs is given up after thirty seconds of virtual time', async () => {
    const server = createTestServer();
    server.upstream(TARGET);
    server.webhook(HOOK, [{ hang: true }, 200]);
    const { job_id: jobId } = await server
      .client()
      .submitJob({ url: TARGET, webhooks: [{ url: HOOK }] });
    await server.runToEnd();
    expect(await server.job(jobId)).toMatchObject({
      deliveries: [{ state: 'delivered', attempts: 2 }],
    });
    expect(server.clock.elapsedMs()).toBeGreaterThanOrEqual(30_000);
  });

  test('of a signing secret that was rotated is signed with the new one', async () => {
    const server = createTestServer();
    server.upstream(TARGET);
    const secret = 'a new secret of the application';
    const client = server.client();
    await client.webhookSecrets.rotate(secret);
    const receiver = createReceiver({ secrets: secret });
    const seen: string[] = [];
    receiver.onAny(({ status }) => void seen.push(status));
    server.webhook(HOOK, receiver);
    await client.submitJob({ url: TARGET, webhooks: [{ url: HOOK }] });
    await server.runToEnd();
    expect(seen).toEqual(['success']);
  });
});

describe('a step that follows in the application', () => {
  test('runs when the delivery brings it along, once', async () => {
    const server = createTestServer();
    server.upstream(TARGET, { body: 'ordered' });
    const mail = server.upstream('https://mail.example.com');
    const client = server.client({ continueAt: HOOK });
    const errors: unknown[] = [];
    const receiver = server.receiver(HOOK, {
      continuations: client.continuations(),
      onError: (error) => void errors.push(error),
    });
    let failures = 1;
    receiver.on('success', () => {
      failures -= 1;
      if (failures >= 0) throw new Error('the first delivery is not accepted');
    });
    await new Step(client)
      .type(StepType.PERFORMANCE)
      .url(TARGET)
      .webhooks([{ url: HOOK }])
      .onSuccess(
        new Step(client).type(StepType.FRUGAL).url('https://mail.example.com/send').method('POST'),
      )
      .execute();
    await server.runToEnd();
    expect(errors).toHaveLength(1);
    expect(mail.calls).toMatchObject([{ method: 'POST', jobId: null }]);
  });
});

describe('a step of the application', () => {
  test('is forwarded when its target has no room, and ends on the server', async () => {
    const server = createTestServer();
    const upstream = server.upstream(TARGET, [429, 429, 200]);
    const result = await new Step(server.client()).type(StepType.FRUGAL).url(TARGET).execute();
    expect(result).toMatchObject({ kind: 'submitted' });
    await server.runToEnd();
    expect(upstream.calls.map(({ attempt }) => attempt)).toEqual([null, 1, 2]);
  });

  test('waits for its target in virtual time', async () => {
    const server = createTestServer();
    server.upstream(TARGET, { body: 'late', delay: '5s' });
    const step = new Step(server.client()).type(StepType.FRUGAL).url(TARGET);
    expect(await server.until(step.execute())).toMatchObject({ kind: 'local', status_code: 200 });
    expect(server.clock.elapsedMs()).toBe(5_000);
  });

  test('sees a server that is down', async () => {
    const server = createTestServer();
    server.upstream(TARGET, 429);
    const outage = server.upstream(server.url, { networkError: 'connection_refused' });
    const client = server.client({ retry: false });
    const step = new Step(client).type(StepType.FRUGAL).url(TARGET);
    await expect(step.execute()).rejects.toBeInstanceOf(ForwardFailedError);
    outage.remove();
    expect(await step.execute()).toMatchObject({ kind: 'submitted' });
  });
});

describe('a client of one’s own', () => {
  test('needs the address, the key and the fetch of the server, no more', async () => {
    const server = createTestServer();
    const { apiKey, url: baseUrl, fetch } = server;
    server.upstream(TARGET);
    const client = new EZThrottle({ apiKey, baseUrl, fetch });
    const { job_id: jobId } = await client.submitJob({ url: TARGET });
    await server.runToEnd();
    expect(await client.jobs.get(jobId)).toMatchObject({ status: 'success' });
    const wrong = new EZThrottle({ apiKey: 'another', baseUrl, fetch });
    await expect(wrong.jobs.get(jobId)).rejects.toMatchObject({ status: 401 });
  });
});
