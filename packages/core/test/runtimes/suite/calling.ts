import {
  AuthenticationError,
  ConfigurationError,
  ConflictError,
  EZThrottle,
  EZThrottleError,
  isEZThrottleError,
  isNetworkError,
  isRateLimitError,
  isTimeoutError,
  NetworkError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  ServerError,
  TimeoutError,
  ValidationError,
  type EZThrottleOptions,
} from '@ezthrottle/core';
import { errorOf, expectEqual, expectMembers, expectTrue } from './expectations.ts';
import { seenUnder, type Suite, type World } from './world.ts';

const JOB = { job_id: 'job-1', status: 'queued', state: 'pending' };

export const calling: Suite = {
  'submits, reads and cancels through a fetch that it is given': async () => {
    const calls: (readonly [string, RequestInit])[] = [];
    const client = injected(async (url, init) => {
      calls.push([url, init]);
      return Response.json(JOB);
    });
    expectMembers(await client.submitJob({ url: 'https://api.example/' }), { job_id: 'job-1' });
    expectMembers(await client.jobs.get('a/b'), { job_id: 'job-1', status: 'queued' });
    expectMembers(await client.jobs.cancel('job-1'), { job_id: 'job-1' });
    expectEqual(
      calls.map(([url, { method, redirect }]) => [method, url, redirect]),
      [
        ['POST', 'https://server.example/api/v1/jobs', 'manual'],
        ['GET', 'https://server.example/api/v1/jobs/a%2Fb', 'manual'],
        ['DELETE', 'https://server.example/api/v1/jobs/job-1', 'manual'],
      ],
    );
    const sent = new Headers(calls[0]?.[1].headers);
    expectEqual(
      [sent.get('authorization'), sent.get('content-type')],
      ['Bearer key', 'application/json'],
    );
  },

  'lists jobs page by page': async () => {
    const client = injected(async (url) => {
      const isLast = url.includes('cursor=next');
      return Response.json({
        jobs: [{ ...JOB, job_id: isLast ? 'job-2' : 'job-1' }],
        next_cursor: isLast ? null : 'next',
      });
    });
    const ids: string[] = [];
    for await (const job of client.jobs.list({ tag: 'a b' })) ids.push(job.job_id);
    expectEqual(ids, ['job-1', 'job-2']);
  },

  'tries again what may pass, and waits as the server asks': async () => {
    let calls = 0;
    const waits: number[] = [];
    const client = injected(
      async () => {
        calls += 1;
        if (calls > 1) return Response.json(JOB);
        return Response.json({}, { status: 429, headers: { 'retry-after': '2' } });
      },
      {
        retry: { maxRetries: 1 },
        runtime: {
          random: () => 0,
          now: () => 0,
          after(delayMs, callback) {
            // The deadline of a call is far longer.
            if (delayMs > 5_000) return () => undefined;
            waits.push(delayMs);
            const timer = setTimeout(callback, 0);
            return () => clearTimeout(timer);
          },
        },
      },
    );
    await client.submitJob({ url: 'https://api.example/' });
    expectEqual([calls, waits], [2, [2_000]]);
  },

  'throws an error of its own class for each kind of refusal': async () => {
    const classes = [
      [400, ValidationError, 'validation_failed'],
      [401, AuthenticationError, 'unauthorized'],
      [403, PermissionError, 'forbidden'],
      [404, NotFoundError, 'not_found'],
      [409, ConflictError, 'conflict'],
      [429, RateLimitError, 'rate_limited'],
      [503, ServerError, 'internal_error'],
    ] as const;
    for (const [status, type, code] of classes) {
      const client = injected(async () => Response.json({ message: 'no' }, { status }));
      const error = await errorOf(() => client.jobs.get('job-1'));
      expectTrue(error instanceof type, `${status} became ${String(error)}`);
      expectTrue(error instanceof EZThrottleError && error instanceof Error, 'no error of ours');
      expectMembers(error, { status, code, name: type.name });
    }
  },

  'submits, reads and cancels over the network': async (world) => {
    const client = networked(world);
    const body = { url: 'https://api.example/ü', body: '✓', tags: ['network'] };
    const { job_id, duplicate } = await client.submitJob({ ...body, method: 'POST' });
    expectEqual(duplicate ?? false, false);
    expectMembers(await client.submitJob({ ...body, method: 'POST' }), { job_id, duplicate: true });
    expectMembers(await client.jobs.get(job_id), { job_id, status: 'queued' });
    expectMembers(await client.jobs.cancel(job_id), { job_id });
    const seen = await seenUnder(world, '/api/v1/jobs');
    const sent = seen.find(({ text }) => text.includes('"network"'));
    expectMembers(JSON.parse(sent?.text ?? ''), { ...body, method: 'POST' });
    expectEqual(sent?.headers['authorization'], 'Bearer key');
    const agent = sent?.headers['user-agent'] ?? '';
    expectTrue(/^ezthrottle-js\/\S+ \(\S+\)$/.test(agent), `it calls itself ${agent}`);
  },

  'tells apart over the network: not found, cut off, too late': async (world) => {
    const client = networked(world);
    const missing = await errorOf(() => client.jobs.get('missing'));
    expectTrue(missing instanceof NotFoundError, `not found became ${String(missing)}`);
    const cut = await errorOf(() => client.jobs.get('cut'));
    expectTrue(cut instanceof NetworkError && isNetworkError(cut), `cut became ${String(cut)}`);
    expectMembers(cut, { code: 'network_error', retryable: true, status: null });
    const late = await errorOf(() => networked(world, { timeout: 60 }).jobs.get('hang'));
    expectTrue(late instanceof TimeoutError && isTimeoutError(late), `late: ${String(late)}`);
    expectMembers(late, { code: 'timeout', retryable: true });
  },

  'does not follow a redirect with the key': async (world) => {
    const error = await errorOf(() => networked(world).jobs.get('redirect'));
    expectTrue(isEZThrottleError(error), `it became ${String(error)}`);
    expectEqual(await seenUnder(world, '/elsewhere'), []);
  },

  'ends with the reason of an aborted signal': async (world) => {
    const client = networked(world);
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const call = errorOf(() => client.jobs.get('hang', { signal: controller.signal }));
    controller.abort(reason);
    expectTrue((await call) === reason, `it ended with ${String(await call)}`);
    const before = await errorOf(() => client.jobs.get('x', { signal: controller.signal }));
    expectTrue(before === reason, `it ended with ${String(before)}`);
    const timeout = { signal: AbortSignal.timeout(60) };
    expectMembers(await errorOf(() => client.jobs.get('hang', timeout)), { name: 'TimeoutError' });
  },

  'gives up waiting for a job in time': async (world) => {
    const client = networked(world);
    const { job_id } = await client.submitJob({ url: 'https://api.example/waited-for' });
    const options = { timeout: 80, pollInterval: 20 };
    const error = await errorOf(() => client.wait(job_id, options));
    expectTrue(error instanceof TimeoutError, `it ended with ${String(error)}`);
    expectMembers(error, { code: 'wait_timeout' });
  },

  'keeps the cause of an error, and its guards know it': async () => {
    const cause = new TypeError('no route');
    const client = injected(() => Promise.reject(cause));
    const error = await errorOf(() => client.jobs.get('job-1'));
    expectTrue(error instanceof NetworkError && error.cause === cause, 'the cause is lost');
    expectEqual([isNetworkError(error), isRateLimitError(error)], [true, false]);
    expectEqual(isRateLimitError(new RateLimitError('slow down')), true);
  },

  'reads its key and its server from the environment, where there is one': async (world) => {
    if (world.environment === 'unreadable') {
      const error = await errorOf(() => new EZThrottle());
      expectTrue(error instanceof ConfigurationError, `it is another error: ${String(error)}`);
      expectMembers(error, { code: 'missing_api_key' });
      return;
    }
    await new EZThrottle().submitJob({ url: 'https://api.example/from-environment' });
    const seen = await seenUnder(world, '/api/v1/jobs');
    const sent = seen.find(({ text }) => text.includes('/from-environment'));
    expectEqual(sent?.headers['authorization'], 'Bearer key_of_the_environment');
  },
};

function injected(
  fetch: (url: string, init: RequestInit) => Promise<Response>,
  options: EZThrottleOptions = {},
): EZThrottle {
  const own = { apiKey: 'key', baseUrl: 'https://server.example', retry: false } as const;
  return new EZThrottle({ ...own, fetch, ...options });
}

function networked(world: World, options: EZThrottleOptions = {}): EZThrottle {
  return new EZThrottle({ apiKey: 'key', baseUrl: world.serverUrl, retry: false, ...options });
}
