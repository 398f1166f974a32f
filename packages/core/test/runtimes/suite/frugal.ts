import {
  EZThrottle,
  ForwardFailedError,
  isForwardFailedError,
  Step,
  StepType,
  type EZThrottleOptions,
} from '@ezthrottle/core';
import { errorOf, expectEqual, expectMembers, expectTrue } from './expectations.ts';
import { seenUnder, submittedFor, type Suite, type World } from './world.ts';

export const frugal: Suite = {
  'a FRUGAL step runs here': async (world) => {
    const result = await stepOf(world, '200/local').query({ q: 'ü' }).execute();
    expectMembers(result, { kind: 'local', status: 'success', status_code: 200, job_id: null });
    expectEqual(await submittedFor(world, '/local'), []);
    expectEqual((await seenUnder(world, '/target/200/local')).length, 1);
  },

  'a FRUGAL step that fails with a listed status is handed on once': async (world) => {
    const result = await stepOf(world, '503/forwarded').execute();
    expectMembers(result, { kind: 'submitted', executed_locally: false, status: 'queued' });
    expectEqual((await submittedFor(world, '/503/forwarded')).length, 1);
    const kept = await stepOf(world, '404/kept').execute();
    expectMembers(kept, { kind: 'local', status: 'failed', status_code: 404 });
  },

  'a FRUGAL step is handed on when its connection is cut, or its time is over': async (world) => {
    expectMembers(await stepOf(world, 'cut/x').execute(), { kind: 'submitted' });
    const late = await stepOf(world, 'hang/x').timeout(60).execute();
    expectMembers(late, { kind: 'submitted' });
    const why = late.kind === 'submitted' ? late.local?.error : null;
    expectEqual(why, 'Request failed: timeout (no answer within 60 ms)');
  },

  'bytes reach the target as they are': async (world) => {
    const bytes = new Uint8Array(70_000).map((_, index) => (index * 13) % 256);
    await stepOf(world, '200/bytes').method('PUT').body(bytes).execute();
    const [seen] = await seenUnder(world, '/target/200/bytes');
    const arrived = atob(seen?.bodyBase64 ?? '');
    expectEqual([seen?.method, arrived.length], ['PUT', bytes.length]);
    const isSame = bytes.every((byte, index) => arrived.charCodeAt(index) === byte);
    expectTrue(isSame, 'the bytes came out different');
  },

  'an answer that is too long is cut': async (world) => {
    const result = await stepOf(world, '200/long?length=50000', {
      maxResponseBytes: 1_000,
    }).execute();
    expectMembers(result, { kind: 'local', truncated: true, response: 'x'.repeat(1_000) });
  },

  'a slow target is raced by its fallback': async (world) => {
    const result = await stepOf(world, 'hang/slow')
      .fallback(stepOf(world, '200/quick'), { triggerOnTimeout: 30 })
      .execute();
    expectMembers(result, { kind: 'local', status: 'success', path: 1 });
  },

  'what follows a step runs after it, and its errors do not reach the step': async (world) => {
    const edges: string[] = [];
    const client = clientOf(world, {
      onChildError: (error, edge) => void edges.push(`${edge}: ${isForwardFailedError(error)}`),
    });
    const step = stepOf(world, '200/parent')
      .onSuccess(stepOf(world, '200/child').onSuccess(stepOf(world, 'cut/refused')))
      .onFailure(stepOf(world, '200/never'));
    expectMembers(await step.execute(client), { kind: 'local', status: 'success' });
    await client.settled();
    expectEqual((await seenUnder(world, '/target/200/child')).length, 1);
    expectEqual(await seenUnder(world, '/target/200/never'), []);
    expectEqual(edges, ['onSuccess: true']);
  },

  'a FRUGAL step that cannot be handed on says how it failed here': async (world) => {
    const error = await errorOf(() => stepOf(world, 'cut/refused').execute());
    expectTrue(error instanceof ForwardFailedError, `it is another error: ${String(error)}`);
    expectMembers(error, { code: 'forward_failed', status: 503, retryable: true });
  },

  'an aborted FRUGAL step ends with the reason, and is not handed on': async (world) => {
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const { signal } = controller;
    const run = errorOf(() => stepOf(world, 'hang/aborted').execute({ signal }));
    controller.abort(reason);
    expectTrue((await run) === reason, `it ended with ${String(await run)}`);
    expectEqual(await submittedFor(world, '/aborted'), []);
  },
};

function clientOf(world: World, options: EZThrottleOptions = {}): EZThrottle {
  return new EZThrottle({ apiKey: 'key', baseUrl: world.serverUrl, retry: false, ...options });
}

/** A FRUGAL step whose target answers as the path says: a status, `hang` or `cut`, then a name. */
function stepOf(world: World, path: string, options: EZThrottleOptions = {}): Step {
  const step = new Step(clientOf(world, options)).url(`${world.serverUrl}/target/${path}`);
  return step.type(StepType.FRUGAL);
}
