import { EZThrottle } from '@ezthrottle/core';
import { createReceiver, type DedupeClaim, type DedupeStore } from '@ezthrottle/core/webhooks';
import { SECRET } from './deliveries.ts';

/** Of the key that continuations are sealed with in this suite: of its own, not the webhooks' secret. */
export const EDGE_KEY: Uint8Array = new Uint8Array(32).fill(7);

/**
 * An edge function: everything is built anew for each request and nothing is kept between two. What
 * is done is known by a store on the network; what is not run is told there before the answer.
 */
export async function answerHook(request: Request, serverUrl: string): Promise<Response> {
  const codes: unknown[] = [];
  const client = new EZThrottle({ apiKey: 'key', baseUrl: serverUrl, continuationKey: EDGE_KEY });
  const receiver = createReceiver({
    secrets: SECRET,
    dedupe: networkStore(serverUrl),
    continuations: client.continuations({ endpoint: request.url }),
    onError: (error) => codes.push(Object(error).code),
  });
  const response = await receiver.handle(request);
  for (const code of codes) await fetch(`${serverUrl}/told/${String(code)}`);
  return response;
}

function networkStore(serverUrl: string): DedupeStore {
  const ask = async <Answer>(verb: string, id: string, token: string): Promise<Answer> => {
    const query = new URLSearchParams({ id, token });
    const response = await fetch(`${serverUrl}/claims/${verb}?${query.toString()}`);
    const { answer }: { answer: Answer } = JSON.parse(await response.text());
    return answer;
  };
  return {
    begin: (id, { token }) => ask<DedupeClaim>('begin', id, token),
    commit: (id, token) => ask<boolean>('commit', id, token),
    release: (id, token) => ask<boolean>('release', id, token),
  };
}
