// Loads the package as a user of this runtime does, by import and by require(), and prints what
// became of it. Plain JavaScript: the oldest Node that is promised does not strip types.
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { createServer } from 'node:http';
import * as core from '@ezthrottle/core';
import * as webhooks from '@ezthrottle/core/webhooks';

const require = createRequire(import.meta.url);
const manifest = require('@ezthrottle/core/package.json');
const entries = Object.keys(manifest.exports)
  .filter((entry) => entry !== './package.json')
  .map((entry) => `@ezthrottle/core${entry.slice(1)}`);

/** Entries without exports, and exports that are another object when they are required. */
const problems = [];
for (const entry of entries) {
  const imported = await import(entry);
  const required = require(entry);
  const names = Object.keys(imported);
  if (names.length === 0) problems.push(`${entry} has no exports`);
  for (const name of names) {
    if (imported[name] !== required[name]) problems.push(`${name} of ${entry} exists twice`);
  }
}

const required = {
  core: require('@ezthrottle/core'),
  node: require('@ezthrottle/core/node'),
  webhooks: require('@ezthrottle/core/webhooks'),
};

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
    entries,
    problems,
    requiredErrorIsInstance: refusal instanceof required.core.ConfigurationError,
    verificationErrorIsInstance:
      verification instanceof required.webhooks.WebhookVerificationError &&
      verification instanceof required.core.EZThrottleError,
    delivered: await deliver(),
  }),
);
