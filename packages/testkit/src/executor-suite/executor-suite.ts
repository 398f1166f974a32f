import { createServer } from 'node:net';
import type { Executor } from '@ezthrottle/engine';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createUpstream, type Upstream } from '../upstream/index.ts';
import { describeBodies } from './bodies.ts';
import { Caller } from './caller.ts';
import { describeRequests } from './requests.ts';

export interface ExecutorHarness {
  /** A fresh executor. With `allowPrivate` it may call loopback; without it has its normal policy. */
  create(options: { readonly allowPrivate: boolean }): Executor;
}

/** What a group of tests works with; fresh for each test. */
export interface ExecutorBench {
  readonly executor: Executor;
  readonly caller: Caller;
  readonly upstream: Upstream;
}

/** What every executor promises, tried on real HTTP. */
export function executorSuite(name: string, harness: ExecutorHarness): void {
  describe(`${name} as an executor`, () => {
    let bench: ExecutorBench;

    beforeEach(async () => {
      const executor = harness.create({ allowPrivate: true });
      bench = { executor, caller: new Caller(executor), upstream: await createUpstream() };
    });
    afterEach(async () => {
      await bench.executor.close();
      await bench.upstream.close();
    });

    describeRequests(() => bench);
    describeBodies(() => bench);
    describeFailures(() => bench);
    describeReports(() => bench);
    describePolicy(harness);
  });
}

function describeFailures(bench: () => ExecutorBench): void {
  describe('when the target fails', () => {
    test('an answer that does not begin in time is a timeout, and the connection is let go', async () => {
      const { caller, upstream } = bench();
      upstream.script({ fault: 'hang_before_headers' });

      const report = await caller.one(upstream.url(), { timeoutMs: 60 });

      expect(report).toMatchObject({ outcome: { kind: 'timeout' }, response: null });
      expect(report.endedAt - report.startedAt).toBeGreaterThanOrEqual(55);
      await upstream.waitFor(() => upstream.connections === 0, 2_000);
    });

    test('an answer that does not end in time is a timeout, and the connection is let go', async () => {
      const { caller, upstream } = bench();
      upstream.script({ body: 'a beginning', fault: 'hang_after_headers' });

      const report = await caller.one(upstream.url(), { timeoutMs: 60 });

      expect(report).toMatchObject({ outcome: { kind: 'timeout' }, response: null });
      await upstream.waitFor(() => upstream.connections === 0, 2_000);
    });

    test.each(['reset_before_headers', 'reset_after_headers'] as const)(
      'a connection that breaks is a network error: %s',
      async (fault) => {
        const { caller, upstream } = bench();
        upstream.script({ fault, body: 'half' });

        const report = await caller.one(upstream.url());

        expect(report.outcome).toMatchObject({ kind: 'network_error', code: 'connection_reset' });
        expect(report.response).toBeNull();
      },
    );

    test('a port where nobody listens is a network error', async () => {
      const { caller, upstream } = bench();
      const url = upstream.url();
      await upstream.close();

      const report = await caller.one(url);

      expect(report.outcome).toMatchObject({ kind: 'network_error', code: 'connection_refused' });
    });

    test('an answer that is not HTTP is a network error', async () => {
      const { caller } = bench();
      const server = createServer((socket) => {
        socket.once('data', () => socket.end('SSH-2.0-nothing\r\n\r\n'));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;

      const report = await caller.one(`http://127.0.0.1:${port}/`);
      await new Promise((resolve) => server.close(resolve));

      expect(report.outcome).toMatchObject({ kind: 'network_error', code: 'bad_response' });
    });
  });
}

function describeReports(bench: () => ExecutorBench): void {
  describe('reports', () => {
    test('1,000 calls at once are each reported once', async () => {
      const { caller, upstream } = bench();
      upstream.script((request) => ({ body: request.path }));
      const calls = Array.from({ length: 1_000 }, (_, index) =>
        caller.call(upstream.url(`/${index}`), { timeoutMs: 20_000 }),
      );

      const reports = await caller.all(calls);

      expect(reports.map((report) => report.response?.body)).toEqual(
        calls.map((_, index) => `/${index}`),
      );
      expect(new Set(caller.reports.map((report) => report.token)).size).toBe(1_000);
      expect(caller.reports).toHaveLength(1_000);
    });

    test('a call that goes out is told once, before its report; one that does not, never', async () => {
      const { executor, caller, upstream } = bench();
      const toldBefore: boolean[] = [];
      upstream.script(() => {
        toldBefore.push(caller.sent.length > 0);
        return {};
      });
      const call = caller.call(upstream.url());
      const stopped = caller.call(upstream.url('/stopped'));
      const reports = caller.all([call, stopped, caller.call('not an address')]);
      executor.abort([stopped.token]);

      expect((await reports).map(({ outcome }) => outcome.kind)).toEqual([
        'response',
        'aborted',
        'refused',
      ]);
      expect(caller.sent).toEqual([call.token]);
      expect(toldBefore).toEqual([true]);
    });

    test('what is known in one turn is reported in one batch', async () => {
      const { caller } = bench();

      await caller.all([caller.call('a:'), caller.call('b:'), caller.call('c:')]);

      expect(caller.batches).toEqual([3]);
    });

    test('a call that is aborted while the target thinks is reported as aborted, once', async () => {
      const { caller, executor, upstream } = bench();
      upstream.script({ fault: 'hang_before_headers' });
      const call = caller.call(upstream.url());

      const report = caller.all([call]);
      await upstream.waitFor(1);
      executor.abort([call.token]);
      executor.abort([call.token]);

      expect(await report).toMatchObject([{ outcome: { kind: 'aborted' }, response: null }]);
      await upstream.waitFor((requests) => requests[0]?.state === 'aborted');
      expect(caller.reports).toHaveLength(1);
    });

    test('a call that is aborted in the middle of the answer is reported as aborted', async () => {
      const { caller, executor, upstream } = bench();
      upstream.script({ body: 'a beginning', fault: 'hang_after_headers' });
      const call = caller.call(upstream.url());

      const report = caller.all([call]);
      await upstream.waitFor(1);
      executor.abort([call.token]);

      expect(await report).toMatchObject([{ outcome: { kind: 'aborted' }, response: null }]);
      await upstream.waitFor((requests) => requests[0]?.state === 'aborted');
    });

    test('a call that is aborted in the turn it was run in never reaches the target', async () => {
      const { caller, executor, upstream } = bench();
      const call = caller.call(upstream.url('/first'));

      const report = caller.all([call]);
      executor.abort([call.token]);

      expect(await report).toMatchObject([{ outcome: { kind: 'aborted' } }]);
      await caller.one(upstream.url('/second'));
      expect(upstream.requests.map((request) => request.path)).toEqual(['/second']);
    });

    test('aborting what is unknown or has ended changes nothing', async () => {
      const { caller, executor, upstream } = bench();
      const call = caller.call(upstream.url());
      await caller.all([call]);

      executor.abort([call.token, 'never-seen']);
      await caller.one(upstream.url());

      expect(caller.reports.map((report) => report.outcome.kind)).toEqual(['response', 'response']);
    });

    test('closing reports what runs as aborted before it resolves, and lets every socket go', async () => {
      const { caller, executor, upstream } = bench();
      upstream.script({ fault: 'hang_before_headers' });
      const reports = caller.all([caller.call(upstream.url()), caller.call(upstream.url())]);
      await upstream.waitFor(2);

      await Promise.all([executor.close(), executor.close()]);

      expect(caller.reports.map((report) => report.outcome.kind)).toEqual(['aborted', 'aborted']);
      await reports;
      await upstream.waitFor(() => upstream.connections === 0, 2_000);
    });

    test('a call that is run after closing is reported as aborted', async () => {
      const { caller, executor, upstream } = bench();
      await executor.close();

      const report = await caller.one(upstream.url());

      expect(report.outcome).toEqual({ kind: 'aborted' });
      expect(upstream.requests).toHaveLength(0);
    });
  });
}

function describePolicy(harness: ExecutorHarness): void {
  describe('with the normal address policy', () => {
    test.each(['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1', 'localhost'])(
      'a target on this machine is refused, and nothing reaches it: %s',
      async (host) => {
        const executor = harness.create({ allowPrivate: false });
        const caller = new Caller(executor);
        const upstream = await createUpstream();

        const report = await caller.one(`http://${host}:${upstream.port}/`);

        expect(report.outcome).toMatchObject({ kind: 'refused', code: 'address_refused' });
        expect(report.response).toBeNull();
        expect(upstream.connections).toBe(0);
        await executor.close();
        await upstream.close();
      },
    );
  });
}
