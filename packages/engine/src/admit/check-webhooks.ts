import type { Problem } from '@ezthrottle/core/protocol';
import { checkUrl, LIMITS, memberPath } from '@ezthrottle/core/protocol';
import { isJsonList, isJsonObject, type JsonObject } from './json-object.ts';

/** A job's webhooks as a whole: their addresses, one receiver of the continuation, a quorum in reach. */
export function checkWebhooks(job: JsonObject, path: string): Problem[] {
  const all = job['webhooks'];
  if (!isJsonList(all) || all.length === 0) return [];
  // More than that is a problem of its own, told by the schema.
  const webhooks = all.slice(0, LIMITS.webhooks);
  const at = memberPath(path, 'webhooks');
  const addresses = webhooks.flatMap((webhook, index) =>
    isJsonObject(webhook) ? checkUrl(webhook['url'], `${at}[${index}].url`) : [],
  );
  return [
    ...addresses,
    ...checkContinuation(webhooks, at),
    ...checkQuorum(webhooks, job['webhook_quorum'], memberPath(path, 'webhook_quorum')),
  ];
}

/** A continuation runs once, so that it goes to one place. */
function checkContinuation(webhooks: readonly unknown[], path: string): Problem[] {
  const receivers = webhooks.flatMap((webhook, index) =>
    isJsonObject(webhook) && webhook['continuation'] === true ? [index] : [],
  );
  return receivers.slice(1).map((index) => ({
    path: `${path}[${index}].continuation`,
    message: `is true for webhooks[${receivers[0] ?? 0}] already`,
    expected: 'true for one webhook at most',
  }));
}

function checkQuorum(webhooks: readonly unknown[], quorum: unknown, path: string): Problem[] {
  if (typeof quorum !== 'number') return [];
  const voters = webhooks.filter(
    (webhook) => !isJsonObject(webhook) || webhook['has_quorum_vote'] !== false,
  ).length;
  if (quorum <= voters) return [];
  return [
    {
      path,
      message: `is ${quorum}, but only ${voters} webhooks have a vote`,
      expected: `at most ${voters}, or more webhooks with has_quorum_vote`,
    },
  ];
}
