import {
  createReceiver,
  l8Signature,
  MemoryDedupeStore,
  standardWebhooksEd25519,
  type Receiver,
  type ReceiverOptions,
} from '@ezthrottle/core/webhooks';
import { deliveryOf, requestOf, SECRET } from './deliveries.ts';
import { expectEqual, expectMembers, expectTrue } from './expectations.ts';
import type { Suite } from './world.ts';

/** What stands before the 32 bytes of a private key. */
const ED25519_PKCS8 = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
/** Of the private key whose bytes count from 0 to 31. */
const PUBLIC_KEY = 'A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=';

/** A receiver, the jobs that its handler was given, and the errors that it told of. */
interface Watched {
  readonly receiver: Receiver;
  readonly jobs: string[];
  readonly errors: unknown[];
}

export const receiving: Suite = {
  'answers 200 to a signed delivery, once its handler is done': async () => {
    const { receiver, jobs } = watched();
    const response = await receiver.handle(requestOf(deliveryOf()));
    await expectAnswer(response, 200, { status: 'received' });
    expectEqual(jobs, ['job-1']);
  },

  'answers 200 to the same delivery again, without its handler': async () => {
    const { receiver, jobs } = watched();
    const body = deliveryOf();
    await receiver.handle(requestOf(body));
    await expectAnswer(await receiver.handle(requestOf(body)), 200, { status: 'duplicate' });
    expectEqual(jobs, ['job-1']);
  },

  'answers 401 to another secret, a changed body, and no signature': async () => {
    const { receiver, jobs } = watched();
    const signed = requestOf(deliveryOf()).headers.get('x-ezthrottle-signature') ?? '';
    const forged = [
      requestOf(deliveryOf({ job_id: 'job-2' }), { 'x-ezthrottle-signature': signed }),
      requestOf(deliveryOf(), { 'x-ezthrottle-signature': '' }),
    ];
    for (const request of forged) {
      await expectAnswer(await receiver.handle(request), 401, { error: 'unauthorized' });
    }
    const { receiver: stranger } = watched({ secrets: 'quite another secret' });
    const response = await stranger.handle(requestOf(deliveryOf()));
    await expectAnswer(response, 401, { error: 'unauthorized' });
    expectEqual(jobs, []);
  },

  'answers 405 to anything but POST': async () => {
    const response = await watched().receiver.handle(new Request('https://app.example/hook'));
    expectEqual(response.headers.get('allow'), 'POST');
    await expectAnswer(response, 405, { error: 'method_not_allowed' });
  },

  'answers 409 while another request handles the same delivery': async () => {
    let end = (): void => undefined;
    let start = (): void => undefined;
    const started = new Promise<void>((resolve) => (start = resolve));
    const ended = new Promise<void>((resolve) => (end = resolve));
    const { receiver } = watched({
      on: {
        any: () => {
          start();
          return ended;
        },
      },
    });
    const body = deliveryOf();
    const first = receiver.handle(requestOf(body));
    await started;
    const second = await receiver.handle(requestOf(body));
    expectEqual(second.headers.get('retry-after'), '5');
    await expectAnswer(second, 409, { error: 'conflict' });
    end();
    await expectAnswer(await first, 200, { status: 'received' });
  },

  'answers 413 to a body that is too large, declared or streamed': async () => {
    const { receiver } = watched({ maxBodyBytes: 1_000 });
    const large = deliveryOf({ metadata: { text: 'x'.repeat(2_000) } });
    const declared = requestOf(large, { 'content-length': String(large.length) });
    await expectAnswer(await receiver.handle(declared), 413, { error: 'payload_too_large' });
    // Its rest is thrown away, so that a sender that does not listen meanwhile sees the answer, too.
    const streamed = streamedRequest(deliveryOf({ metadata: { text: 'x'.repeat(50_000) } }));
    await expectAnswer(await receiver.handle(streamed), 413, { error: 'payload_too_large' });
  },

  'answers 413 to a body that is too large and never ends': async () => {
    const { receiver } = watched({ maxBodyBytes: 1_000 });
    let pieces = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces += 1;
        if (pieces <= 20) controller.enqueue(new Uint8Array(100));
        return pieces <= 20 ? undefined : new Promise(() => undefined);
      },
    });
    const { headers } = requestOf('');
    const init = { method: 'POST', headers, body: endless, duplex: 'half' } as const;
    const request = new Request('https://app.example/hook', init);
    await expectAnswer(await receiver.handle(request), 413, { error: 'payload_too_large' });
  },

  'reads a body that comes in pieces': async () => {
    const { receiver, jobs } = watched();
    const response = await receiver.handle(streamedRequest(deliveryOf({ tags: ['ü✓'] })));
    await expectAnswer(response, 200, { status: 'received' });
    expectEqual(jobs, ['job-1']);
  },

  'answers 400 to what is signed, but no delivery': async () => {
    const response = await watched().receiver.handle(requestOf('{"job_id":'));
    await expectAnswer(response, 400, { error: 'invalid_json' });
  },

  'answers 500 when the handler fails, and handles the delivery when it comes again': async () => {
    let calls = 0;
    const { receiver, errors } = watched({
      on: {
        success() {
          calls += 1;
          if (calls === 1) throw new Error('not today');
        },
      },
    });
    const body = deliveryOf();
    const first = await receiver.handle(requestOf(body));
    await expectAnswer(first, 500, { error: 'internal_error' });
    expectMembers(errors[0], { message: 'not today' });
    await expectAnswer(await receiver.handle(requestOf(body)), 200, { status: 'received' });
  },

  'answers 500 when the body was read before, and says what helps': async () => {
    const { receiver, errors } = watched();
    const request = requestOf(deliveryOf());
    await request.text();
    await expectAnswer(await receiver.handle(request), 500, { error: 'internal_error' });
    expectMembers(errors[0], { code: 'body_already_parsed' });
  },

  'answers 503 when a handler takes too long, and aborts its signal': async () => {
    let reason: unknown;
    const { receiver } = watched({
      handlerTimeoutMs: 20,
      on: {
        any: (_, { signal }) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              reason = signal.reason;
              resolve(undefined);
            });
          }),
      },
    });
    const response = await receiver.handle(requestOf(deliveryOf()));
    await expectAnswer(response, 503, { error: 'unavailable' });
    expectMembers(reason, { code: 'handler_timeout' });
  },

  'takes what the sender signed with a key of its own, and nothing else': async () => {
    const pkcs8 = new Uint8Array([...ED25519_PKCS8, ...Array.from({ length: 32 }).keys()]);
    const name = 'Ed25519';
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, { name }, false, ['sign']);
    const publicKeys = PUBLIC_KEY;
    const { receiver, jobs } = watched({
      schemes: [standardWebhooksEd25519({ publicKeys }), l8Signature({ publicKeys })],
    });
    const seconds = String(Math.floor(Date.now() / 1_000));
    const sign = async (content: string): Promise<string> => {
      const bytes = new TextEncoder().encode(content);
      return base64Of(await crypto.subtle.sign(name, privateKey, bytes));
    };
    const body = deliveryOf();
    const standard = {
      'webhook-id': 'msg-1',
      'webhook-timestamp': seconds,
      'webhook-signature': `v1a,${await sign(`msg-1.${seconds}.${body}`)}`,
    };
    const response = await receiver.handle(requestOf(body, standard));
    await expectAnswer(response, 200, { status: 'received' });
    const other = deliveryOf({ job_id: 'job-2' });
    const altered = await receiver.handle(requestOf(other, standard));
    await expectAnswer(altered, 401, { error: 'unauthorized' });
    const hash = base64Of(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(other)));
    const l8 = {
      'x-l8-delivery-id': 'delivery-2',
      'x-l8-timestamp': seconds,
      'x-l8-signature': await sign(`delivery-2.${seconds}.${hash}`),
    };
    const second = await receiver.handle(requestOf(other, l8));
    await expectAnswer(second, 200, { status: 'received' });
    expectEqual(jobs, ['job-1', 'job-2']);
  },

  'lets a call wait for a job, and gives a handler the body that its schema asks for': async () => {
    const bodies: string[] = [];
    const { receiver } = watched();
    const validate = (value: unknown): { value: string } => ({ value: JSON.stringify(value) });
    const schema = { '~standard': { version: 1, vendor: 'suite', validate } } as const;
    receiver.on('success', { schema }, ({ body }) => void bodies.push(body));
    const waiting = receiver.waitFor({ key: 'key-1' }, { timeoutMs: 5_000 });
    const response = await receiver.handle(requestOf(deliveryOf()));
    await expectAnswer(response, 200, { status: 'received' });
    expectMembers(await waiting, { jobId: 'job-1', status: 'success' });
    expectEqual(bodies, ['{}']);
  },

  'asks for secrets with the context of the request': async () => {
    const { receiver } = watched({
      secrets: async (context) => (context === 'environment' ? SECRET : 'quite another secret'),
    });
    const response = await receiver.handle(requestOf(deliveryOf()), 'environment');
    expectEqual(response.status, 200);
  },

  'of many that claim a delivery at once, the memory store lets one have it': async () => {
    let now = 0;
    const store = new MemoryDedupeStore({ now: () => now });
    const begin = (token: string): Promise<string> => store.begin('d', { token, leaseMs: 100 });
    const claims = await Promise.all(['a', 'b', 'c'].map(begin));
    expectEqual(claims, ['acquired', 'in_flight', 'in_flight']);
    expectEqual(await store.release('d', 'b'), false);
    now = 101;
    expectEqual(await begin('b'), 'acquired');
    expectEqual(
      [await store.commit('d', 'a', 1_000), await store.commit('d', 'b', 1_000)],
      [false, true],
    );
    expectEqual(await begin('c'), 'done');
    now = 2_000;
    expectEqual(await begin('c'), 'acquired');
  },
};

function base64Of(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

function watched(options: Partial<ReceiverOptions> = {}): Watched {
  const jobs: string[] = [];
  const errors: unknown[] = [];
  const receiver = createReceiver({
    secrets: SECRET,
    on: { any: (delivery) => void jobs.push(delivery.jobId) },
    onError: (error) => errors.push(error),
    ...options,
  });
  return { receiver, jobs, errors };
}

/** The body in pieces of 100 bytes, its length not declared. */
function streamedRequest(body: string): Request {
  const bytes = new TextEncoder().encode(body);
  let offset = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(offset, (offset += 100)));
    },
  });
  const { headers } = requestOf(body);
  const init = { method: 'POST', headers, body: stream, duplex: 'half' } as const;
  return new Request('https://app.example/hook', init);
}

async function expectAnswer(
  response: Response,
  status: number,
  members: Readonly<Record<string, unknown>>,
): Promise<void> {
  const text = await response.text();
  expectTrue(response.status === status, `answered ${response.status}: ${text}`);
  expectEqual(response.headers.get('content-type'), 'application/json; charset=utf-8');
  expectMembers(JSON.parse(text), members);
}
