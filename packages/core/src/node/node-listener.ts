import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReceiverAnswer } from '../webhooks/receiver-answer.ts';
import type { ReceiverOptions } from '../webhooks/receiver-options.ts';
import { toReceiver, type Receiver } from '../webhooks/receiver.ts';
import { nodeReceiverRequest, type NodeRequestOptions } from './node-request.ts';
import type { ParsedIncomingMessage } from './raw-body.ts';

/** Lets the receiver answer a Node request, under any framework that is built on `node:http`. */
export async function answerNodeRequest(
  receiver: Receiver,
  request: ParsedIncomingMessage,
  response: ServerResponse,
  options?: NodeRequestOptions,
): Promise<void> {
  writeAnswer(response, await receiver.receive(nodeReceiverRequest(request, options)));
}

/** Writes the receiver's answer; nothing when the response has begun already. */
export function writeAnswer(response: ServerResponse, answer: ReceiverAnswer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': Buffer.byteLength(answer.body),
  });
  response.end(answer.body);
}

/**
 * A listener for `http.createServer`, without any framework.
 *
 * @example
 * createServer(nodeListener({ secrets, on: { success: ship } })).listen(3000);
 */
export function nodeListener(
  receiverOrOptions: Receiver | ReceiverOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const receiver = toReceiver(receiverOrOptions);
  return (request, response) => {
    answerNodeRequest(receiver, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  };
}
