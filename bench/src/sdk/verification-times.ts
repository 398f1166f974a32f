import { createHmac } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  createWebhookVerifier,
  signWebhook,
  standardWebhooks,
  verifyWebhookSignature,
} from '@ezthrottle/core/webhooks';
import { sign as signOctokit, verify as verifyOctokit } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import { tableOf } from '../numbers.ts';
import { estimateOf, measureInTurn, ratiosOf, shownEstimate } from './rounds.ts';

// Each check gets the form that it takes, so that none pays for making one out of the other.
const BODY_BYTES = 500;
const CHECKS_PER_TURN = 64;
const SECRET = 'whsec_YmVuY2htYXJrcyBzaWduIHdpdGggdGhpcyBzZWNyZXQ=';
const OURS = 'EZThrottle, synchronous';

/** The same body in the two forms that a check may take. */
interface Delivery {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** A check that gives false, or throws, for what is not signed. */
interface Check {
  readonly name: string;
  readonly verify: (delivery: Delivery) => unknown;
}

export async function printVerificationTimes(isQuick: boolean): Promise<void> {
  const text = deliveryBody();
  const delivery = deliveryOf(text);
  const checks = await checksOf(text);
  for (const check of checks) await prove(check, text);
  const cases = checks.map(({ name, verify }) => ({
    name,
    async run(times: number): Promise<void> {
      for (let time = 0; time < times; time += 1) {
        const result = verify(delivery);
        if (result instanceof Promise) await result;
        // Deliveries come by events; what is freed natively is freed between them.
        if (time % CHECKS_PER_TURN === 0) await nextTurn();
      }
    },
  }));
  const rounds = isQuick ? 5 : 25;
  const figures = await measureInTurn(cases, { rounds, times: isQuick ? 10_000 : 30_000 });
  const rows = checks.map(({ name }) => [
    name,
    shownEstimate(estimateOf(figures.get(name) ?? []), 2),
    shownEstimate(estimateOf(ratiosOf(figures, name, OURS)), 2),
  ]);
  console.log(`\nverify a delivery of ${BODY_BYTES} bytes, ${rounds} rounds\n`);
  console.log(tableOf([['', 'CPU µs', 'as ours, synchronous'], ...rows]));
}

async function checksOf(signed: string): Promise<readonly Check[]> {
  const seconds = Math.floor(Date.now() / 1_000);
  const ours = signWebhook({ body: signed, secret: SECRET, timestampSeconds: seconds });
  const verifier = createWebhookVerifier({ secrets: SECRET });
  const scheme = standardWebhooks();
  const standard = new Webhook(SECRET);
  const svix = new SvixWebhook(SECRET);
  const standardHeaders = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(seconds),
    'webhook-signature': standard.sign('msg_1', new Date(seconds * 1_000), signed),
  };
  const svixHeaders = {
    'svix-id': 'msg_1',
    'svix-timestamp': String(seconds),
    'svix-signature': svix.sign('msg_1', new Date(seconds * 1_000), signed),
  };
  const stripe = new Stripe('sk_test_benchmark');
  const stripeSignature = createHmac('sha256', SECRET).update(`${seconds}.${signed}`).digest('hex');
  const stripeHeader = `t=${seconds},v1=${stripeSignature}`;
  const octokit = await signOctokit(SECRET, signed);
  return [
    {
      name: OURS,
      verify: ({ bytes }) => verifyWebhookSignature(bytes, ours, SECRET).verified,
    },
    {
      name: 'EZThrottle, synchronous, and parse',
      verify: ({ text, bytes }) =>
        verifyWebhookSignature(bytes, ours, SECRET).verified && JSON.parse(text),
    },
    {
      name: 'EZThrottle, asynchronous',
      verify: async ({ bytes }) => (await verifier.verify(bytes, ours)).verified,
    },
    {
      name: 'EZThrottle, Standard Webhooks',
      verify: async ({ bytes }) => {
        const header = (name: string): string | undefined => headerOf(standardHeaders, name);
        const { state } = await scheme.verify({ ...standardMessage, body: bytes, header });
        return state === 'valid';
      },
    },
    {
      name: '@octokit/webhooks-methods',
      verify: ({ text }) => verifyOctokit(SECRET, text, octokit),
    },
    {
      name: 'stripe (parses)',
      verify: ({ text }) => stripe.webhooks.constructEvent(text, stripeHeader, SECRET),
    },
    {
      name: 'standardwebhooks (parses)',
      verify: ({ text }) => standard.verify(text, standardHeaders) ?? true,
    },
    { name: 'svix', verify: ({ text }) => svix.verify(text, svixHeaders) ?? true },
  ];
}

/** What stands beside the body and the headers of a message that is to be checked. */
const standardMessage = {
  context: null,
  secrets: async (): Promise<readonly string[]> => [SECRET],
  toleranceSeconds: 300,
  now: Date.now,
};

function headerOf(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  return headers[name];
}

/** A check that takes everything would be the fastest. */
async function prove({ name, verify }: Check, text: string): Promise<void> {
  if (!(await verify(deliveryOf(text)))) throw new Error(`${name} refuses what is signed`);
  let accepted = false;
  try {
    accepted = Boolean(await verify(deliveryOf(text.replace('success', 'failure'))));
  } catch {
    // So it should.
  }
  if (accepted) throw new Error(`${name} takes what was altered`);
}

function deliveryOf(text: string): Delivery {
  return { text, bytes: new TextEncoder().encode(text) };
}

function deliveryBody(): string {
  const delivery = { id: 'evt_1', object: 'event', job_id: 'job_1', status: 'success', body: '' };
  const missing = BODY_BYTES - JSON.stringify(delivery).length;
  return JSON.stringify({ ...delivery, body: 'x'.repeat(missing) });
}
