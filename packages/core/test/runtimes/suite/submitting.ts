import {
  CircuitOpenError,
  EZThrottle,
  isTimeoutError,
  isValidationError,
  ServerError,
  Step,
  StepType,
  type EZThrottleOptions,
} from '@ezthrottle/core';
import { Step as RemoteStep, SubmitClient } from '@ezthrottle/core/submit';
import { errorOf, expectEqual, expectMembers, expectTrue } from './expectations.ts';
import { seenUnder, submittedFor, type Suite, type World } from './world.ts';

export const submitting: Suite = {
  'submits a batch in one request, each job with an answer or an error of its own': async (
    world,
  ) => {
    const job = { url: 'https://api.example/batch', idempotentKey: 'of-a-batch', body: 'ü' };
    const answers = await clientOf(world).submitJobs([job, { url: 'no address' }, job]);
    const [first, invalid, again] = answers;
    expectEqual(
      answers.map(({ ok }) => ok),
      [true, false, true],
    );
    const job_id = first?.ok === true ? first.job.job_id : '';
    expectMembers(again?.ok === true && again.job, { job_id, duplicate: true });
    const error = invalid?.ok === false ? invalid.error : undefined;
    expectTrue(isValidationError(error), `it is another error: ${String(error)}`);
    const requests = await seenUnder(world, '/api/v1/jobs/batch');
    expectEqual(requests.length, 1);
    expectMembers(JSON.parse(requests[0]?.text ?? '').jobs[0], {
      url: job.url,
      idempotent_key: 'of-a-batch',
      body: 'ü',
    });
  },

  'leaves a server alone that fails again and again, until it is time to look': async (world) => {
    let elapsed = 0;
    const runtime = { monotonic: () => elapsed };
    const client = clientOf(world, { runtime, circuitBreaker: { failures: 2, openMs: 500 } });
    for (const id of ['503', '500']) {
      const error = await errorOf(() => client.jobs.get(id));
      expectTrue(error instanceof ServerError, `${id} became ${String(error)}`);
    }
    const refused = await errorOf(() => client.jobs.get('after-the-circuit'));
    expectTrue(refused instanceof CircuitOpenError, `it became ${String(refused)}`);
    expectMembers(refused, { code: 'circuit_open', retryable: true });
    expectEqual(await seenUnder(world, '/api/v1/jobs/after-the-circuit'), []);
    elapsed = 500;
    expectMembers(await client.jobs.get('after-the-circuit'), { job_id: 'after-the-circuit' });
    expectMembers(await client.jobs.get('trusted-again'), { job_id: 'trusted-again' });
  },

  'takes a time limit for one call, and keeps the client’s own for the others': async (world) => {
    const client = clientOf(world, { timeout: 60 });
    const late = await errorOf(() => clientOf(world).jobs.get('hang', { timeout: 40 }));
    expectTrue(isTimeoutError(late), `it became ${String(late)}`);
    expectMembers(late, { code: 'timeout' });
    const usual = await errorOf(() => client.jobs.get('hang'));
    expectTrue(isTimeoutError(usual), `it became ${String(usual)}`);
    expectMembers(await client.jobs.get('in-time', { timeout: 9_000 }), { job_id: 'in-time' });
  },

  'a client that only submits sends a tree as one job': async (world) => {
    const client = new SubmitClient(own(world));
    const tree = new RemoteStep(client)
      .url('https://api.example/only-submitted')
      .method('POST')
      .json({ note: '✓' })
      .fallback(new RemoteStep().url('https://api.example/second'), { triggerOnError: [500] })
      .onSuccess(new Step().url('https://api.example/next'));
    expectMembers(await tree.execute(), { kind: 'submitted', executed_locally: false });
    const [job] = await submittedFor(world, '/only-submitted');
    expectMembers(job, {
      body: '{"note":"✓"}',
      fallback_job: {
        url: 'https://api.example/second',
        method: 'GET',
        trigger: { type: 'on_error', codes: [500] },
      },
      on_success: { url: 'https://api.example/next', method: 'GET' },
    });
    const local = new RemoteStep(client).url('https://api.example/here').type(StepType.FRUGAL);
    expectMembers(await errorOf(() => local.execute()), { code: 'step_validation' });
    await client.close();
    expectMembers(await errorOf(() => tree.execute()), { code: 'closed' });
  },
};

function own(world: World): EZThrottleOptions {
  return { apiKey: 'key', baseUrl: world.serverUrl, retry: false };
}

function clientOf(world: World, options: EZThrottleOptions = {}): EZThrottle {
  return new EZThrottle({ ...own(world), ...options });
}
