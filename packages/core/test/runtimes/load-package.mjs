// Loads the package as a user of this runtime does, by import and by require(), and prints what
// became of it. Plain JavaScript: the oldest Node that is promised does not strip types.
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { createServer } from 'node:http';
import * as core from '@ezthrottle/core';
import * as node from '@ezthrottle/core/node';
import * as protocol from '@ezthrottle/core/protocol';
import * as schemas from '@ezthrottle/core/protocol/schemas';
import * as webhooks from '@ezthrottle/core/webhooks';

const require = createRequire(import.meta.url);
const required = {
  core: require('@ezthrottle/core'),
  node: require('@ezthrottle/core/node'),
  protocol: require('@ezthrottle/core/protocol'),
  schemas: require('@ezthrottle/core/protocol/schemas'),
  webhooks: require('@ezthrottle/core/webhooks'),
};
const imported = { core, node, protocol, schemas, webhooks };

const differing = Object.entries(imported).flatMap(([entry, names]) =>
  Object.keys(names)
    .filter((name) => names[name] !== required[entry][name])
    .map((name) => `${entry}: ${name}`),
);

function thrownBy(work) {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

const refusal = thrownBy(() => new core.EZThrottle({ apiKey: '' }));
const verification = thrownBy(() => webhooks.verifyWebhookSignatureStrict('', '', 'a secret'));

/** A delivery over `node:http`, into a listener of one copy, signed by the other. */
async function deliver() {
  const secret = 'a secret of this test';
  const jobs = [];
  const on = { any: (delivery) => jobs.push(delivery.jobId) };
  const server = createServer(required.node.nodeListener({ secrets: secret, on }));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const body = JSON.stringify({ job_id: 'job-1', idempotent_key: 'k', status: 'success' });
  const timestampSeconds = Math.floor(Date.now() / 1000);
  const signature = webhooks.signWebhook({ body, secret, timestampSeconds });
  const response = await fetch(`http://127.0.0.1:${server.address().port}/`, {
    method: 'POST',
    body,
    headers: { 'x-ezthrottle-signature': signature },
  });
  await response.text();
  server.close();
  server.closeAllConnections();
  return { status: response.status, jobs };
}

console.log(
  JSON.stringify({
    exports: Object.fromEntries(
      Object.entries(imported).map(([entry, names]) => [entry, Object.keys(names).length > 0]),
    ),
    differing,
    requiredErrorIsInstance: refusal instanceof required.core.ConfigurationError,
    verificationErrorIsInstance:
      verification instanceof required.webhooks.WebhookVerificationError &&
      verification instanceof required.core.EZThrottleError,
    delivered: await deliver(),
  }),
);
