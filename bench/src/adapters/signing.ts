import { createHmac } from 'node:crypto';
import { signWebhook } from '@ezthrottle/core/webhooks';
import { Webhook as SvixWebhook } from 'svix';
import type { Way } from './framework.ts';

export const SECRET = 'whsec_YmVuY2htYXJrcyBzaWduIHdpdGggdGhpcyBzZWNyZXQ=';

type Headers = Readonly<Record<string, string>>;

/** Headers of a delivery as each way wants it signed. */
export const HEADERS_OF: Readonly<Record<Way, (body: string) => Headers>> = {
  bare: () => ({}),
  adapter: () => ({}),
  direct: () => ({}),
  unsigned: () => ({}),
  signed: (body) => ({
    'x-ezthrottle-signature': signWebhook({ body, secret: SECRET, timestampSeconds: now() }),
  }),
  octokit: (body) => ({
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-github-event': 'push',
    'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
  }),
  svix: (body) => ({
    'svix-id': 'msg_1',
    'svix-timestamp': String(now()),
    'svix-signature': svix.sign('msg_1', new Date(now() * 1_000), body),
  }),
};

const svix = new SvixWebhook(SECRET);

function now(): number {
  return Math.floor(Date.now() / 1_000);
}
