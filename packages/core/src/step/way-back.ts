import type { WebhookRequest } from '../protocol/job.ts';
import { isObject } from '../http/json.ts';
import type { StepNode } from './step-node.ts';

/** Where the continuation of a job is to arrive, and the webhooks that bring it there. */
export interface WayBack {
  readonly endpoint: string;
  readonly webhooks: readonly WebhookRequest[];
}

/** The step's webhooks, without what is none: a step that is checked may hold anything. */
export function webhooksOf({ webhooks = [] }: StepNode): readonly WebhookRequest[] {
  return Array.isArray(webhooks)
    ? webhooks.filter((webhook): webhook is WebhookRequest => isObject(webhook))
    : [];
}

/**
 * The way back for what follows a step here: the webhook at `continueAt`, else one that is marked, else
 * the first, else the client's own endpoint. Null when there is none.
 */
export function wayBack(step: StepNode, clientEndpoint: string | null): WayBack | null {
  const webhooks = webhooksOf(step);
  if (step.continueAt !== undefined) return markedWebhooks(webhooks, step.continueAt);
  const chosen =
    webhooks.find((webhook) => webhook.continuation === true) ??
    webhooks.find((webhook) => webhook.continuation !== false);
  if (chosen !== undefined) return markedWebhooks(webhooks, chosen.url);
  return clientEndpoint === null ? null : markedWebhooks(webhooks, clientEndpoint);
}

function markedWebhooks(webhooks: readonly WebhookRequest[], endpoint: string): WayBack {
  const position = webhooks.findIndex((webhook) => webhook.url === endpoint);
  if (position === -1) {
    const added = { url: endpoint, has_quorum_vote: false, continuation: true };
    return { endpoint, webhooks: [...webhooks, added] };
  }
  // Without any mark the first one gets it, which needs no saying.
  const isMarked = webhooks.some((webhook) => webhook.continuation !== undefined);
  if (position === 0 && !isMarked) return { endpoint, webhooks };
  return {
    endpoint,
    webhooks: webhooks.map((webhook, index) =>
      index === position || webhook.continuation === true
        ? { ...webhook, continuation: index === position }
        : webhook,
    ),
  };
}
