import { EZThrottle, Step, StepType, type EZThrottleOptions } from '@ezthrottle/core';
import { createReceiver, MemoryDedupeStore, type DedupeStore } from '@ezthrottle/core/webhooks';
import { deliveryOf, requestOf, SECRET } from './deliveries.ts';
import { EDGE_KEY } from './edge.ts';
import { expectEqual, expectMembers, expectTrue } from './expectations.ts';
import { seenUnder, submittedFor, type Suite, type World } from './world.ts';

const ENDPOINT = 'https://app.example/hook';
const METADATA_KEY = '_ezthrottle_continuation';

export const continuing: Suite = {
  'seals what follows a job, and opens it in a client made anew': async (world) => {
    const metadata = await sealedFor(world, 'sealed');
    const sealed = String(metadata[METADATA_KEY]);
    expectTrue(/^v1\.[\w-]{8}\.[\w-]+$/.test(sealed), `it is not sealed: ${sealed.slice(0, 40)}`);
    expectTrue(!sealed.includes('after-sealed'), 'it can be read');
    const { errors, response } = await deliver(world, deliveryOf({ metadata }));
    expectEqual([response.status, errors], [200, []]);
    expectEqual(await targetCalls(world, 'sealed'), 1);
  },

  'seals with a key of 32 bytes, which can be rotated': async (world) => {
    const key = new Uint8Array(32).fill(1);
    const base64 = btoa(String.fromCharCode(...new Uint8Array(32).fill(2)));
    const sealing = { continuationKey: key, webhookSecret: undefined };
    const metadata = await sealedFor(world, 'rotated', sealing);
    const removed = { continuationKey: base64, webhookSecret: undefined };
    const refused = await deliver(world, deliveryOf({ metadata }), { client: removed });
    expectMembers(refused.errors[0], { code: 'continuation_invalid' });
    expectEqual(await targetCalls(world, 'rotated'), 0);
    const rotated = { continuationKey: [base64, key], webhookSecret: undefined };
    await deliver(world, deliveryOf({ metadata }), { client: rotated });
    expectEqual(await targetCalls(world, 'rotated'), 1);
  },

  'does not run what was altered, nor what is meant for another endpoint': async (world) => {
    const metadata = await sealedFor(world, 'altered');
    const sealed = String(metadata[METADATA_KEY]);
    const last = sealed.at(-5) === 'A' ? 'B' : 'A';
    const altered = { [METADATA_KEY]: sealed.slice(0, -5) + last + sealed.slice(-4) };
    const first = await deliver(world, deliveryOf({ metadata: altered }));
    expectMembers(first.errors[0], { code: 'continuation_invalid' });
    const foreign = await deliver(world, deliveryOf({ metadata }), {
      endpoint: 'https://other.example/hook',
    });
    expectMembers(foreign.errors[0], { code: 'continuation_foreign' });
    expectEqual(await targetCalls(world, 'altered'), 0);
  },

  'receivers made anew for each request run a continuation once, with a store they share': async (
    world,
  ) => {
    const metadata = await sealedFor(world, 'shared');
    const dedupe = new MemoryDedupeStore();
    for (const body of [deliveryOf({ metadata }), deliveryOf({ metadata })]) {
      const { response } = await deliver(world, body, { dedupe });
      expectEqual(response.status, 200);
    }
    expectEqual(await targetCalls(world, 'shared'), 1);
  },

  'a handler that keeps nothing carries a chain on over the network, once': async (world) => {
    const step = followedJob(world, 'network', world.hookUrl).onSuccess(
      target(world, 'after-network').onSuccess(jobStep(world, 'network-next', world.hookUrl)),
    );
    await step.execute(clientOf(world, edgeKeys));
    const [job] = await submittedFor(world, '/target/200/network');
    const body = deliveryOf({ metadata: job?.['metadata'], job_id: 'job-17' });
    expectEqual(await post(world, body), [200, '{"status":"received"}']);
    expectEqual(await targetCalls(world, 'network'), 1);
    const [next] = await submittedFor(world, '/target/200/network-next');
    expectMembers(next, { idempotent_key: 'job-17/onSuccess/onSuccess' });

    expectEqual(await post(world, body), [200, '{"status":"duplicate"}']);
    const copy = deliveryOf({ metadata: job?.['metadata'], job_id: 'job-18' });
    expectEqual(await post(world, copy), [200, '{"status":"received"}']);
    expectEqual(await targetCalls(world, 'network'), 1);
    expectEqual((await submittedFor(world, '/target/200/network-next')).length, 1);
  },

  'that handler accepts a delivery, but runs no continuation that is planted, altered or foreign':
    async (world) => {
      const { hookUrl } = world;
      const stranger = { continuationKey: new Uint8Array(32).fill(8), webhookSecret: undefined };
      const genuine = await sealedFor(world, 'edge-own', edgeKeys, hookUrl);
      const sealed = String(genuine[METADATA_KEY]);
      const last = sealed.at(-5) === 'A' ? 'B' : 'A';
      const attempts = [
        ['edge-planted', 'invalid', await sealedFor(world, 'edge-planted', stranger, hookUrl)],
        ['edge-secret', 'invalid', await sealedFor(world, 'edge-secret', {}, hookUrl)],
        ['edge-own', 'invalid', { [METADATA_KEY]: sealed.slice(0, -5) + last + sealed.slice(-4) }],
        ['edge-foreign', 'foreign', await sealedFor(world, 'edge-foreign', edgeKeys, ENDPOINT)],
      ] as const;
      for (const [name, reason, metadata] of attempts) {
        const told = await toldOf(world, reason);
        expectEqual(await post(world, deliveryOf({ metadata })), [200, '{"status":"received"}']);
        expectEqual([name, await toldOf(world, reason)], [name, told + 1]);
        expectEqual([name, await targetCalls(world, name)], [name, 0]);
      }
      await post(world, deliveryOf({ metadata: genuine }));
      expectEqual(await targetCalls(world, 'edge-own'), 1);
    },

  'that handler refuses a delivery that was altered on its way, and one that is not signed': async (
    world,
  ) => {
    const metadata = await sealedFor(world, 'edge-forged', edgeKeys, world.hookUrl);
    const { headers } = requestOf(deliveryOf());
    const attempts: readonly RequestInit[] = [{ headers }, {}];
    for (const attempt of attempts) {
      const body = deliveryOf({ metadata });
      const response = await fetch(world.hookUrl, { method: 'POST', body, ...attempt });
      expectMembers(JSON.parse(await response.text()), { error: 'unauthorized' });
      expectEqual(response.status, 401);
    }
    expectEqual(await targetCalls(world, 'edge-forged'), 0);
  },
};

/** How a client seals for the handler that keeps nothing. */
const edgeKeys: EZThrottleOptions = { continuationKey: EDGE_KEY, webhookSecret: undefined };

/** Signed, to the handler that keeps nothing. */
async function post(world: World, body: string): Promise<readonly [number, string]> {
  const { headers } = requestOf(body);
  const response = await fetch(world.hookUrl, { method: 'POST', body, headers });
  return [response.status, await response.text()];
}

/** How often that handler has told that it did not run a continuation, for this reason. */
async function toldOf(world: World, reason: string): Promise<number> {
  return (await seenUnder(world, `/told/continuation_${reason}`)).length;
}

function clientOf(world: World, options: EZThrottleOptions = {}): EZThrottle {
  const own = {
    apiKey: 'key',
    baseUrl: world.serverUrl,
    webhookSecret: SECRET,
    retry: false,
  } as const;
  return new EZThrottle({ ...own, ...options });
}

function target(world: World, name: string): Step {
  return new Step().url(`${world.serverUrl}/target/200/${name}`).type(StepType.FRUGAL);
}

/** A job under the key that `deliveryOf` tells. */
function followedJob(world: World, name: string, webhook: string): Step {
  return jobStep(world, name, webhook).idempotentKey('key-1');
}

function jobStep(world: World, name: string, webhook: string): Step {
  return new Step().url(`${world.serverUrl}/target/200/${name}`).webhooks([{ url: webhook }]);
}

/** Metadata of a submitted job that a FRUGAL step follows. */
async function sealedFor(
  world: World,
  name: string,
  options: EZThrottleOptions = {},
  endpoint = ENDPOINT,
): Promise<Readonly<Record<string, unknown>>> {
  const step = followedJob(world, name, endpoint).onSuccess(target(world, `after-${name}`));
  await step.execute(clientOf(world, options));
  const [job] = await submittedFor(world, `/target/200/${name}`);
  return { ...Object(job?.['metadata']) };
}

async function targetCalls(world: World, name: string): Promise<number> {
  return (await seenUnder(world, `/target/200/after-${name}`)).length;
}

interface DeliverOptions {
  readonly client?: EZThrottleOptions;
  readonly endpoint?: string;
  readonly dedupe?: DedupeStore;
}

/** To a client and a receiver that are made for it. */
async function deliver(
  world: World,
  body: string,
  { client, endpoint = ENDPOINT, dedupe }: DeliverOptions = {},
): Promise<{ readonly response: Response; readonly errors: readonly unknown[] }> {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const continuations = clientOf(world, client).continuations({ endpoint, onError });
  const receiver = createReceiver({
    secrets: SECRET,
    continuations,
    onError,
    ...(dedupe === undefined ? {} : { dedupe }),
  });
  return { response: await receiver.handle(requestOf(body)), errors };
}
