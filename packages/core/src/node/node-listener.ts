import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReceiverAnswer } from '../webhooks/receiver-answer.ts';
import type { ReceiverOptions } from '../webhooks/receiver-options.ts';
import { toReceiver, type Receiver } from '../webhooks/receiver.ts';
import { readRawBody, type ParsedIncomingMessage } from './raw-body.ts';

export interface AnswerNodeRequestOptions {
  /** Handed to a `secrets` function and to the handlers. Default: the request. */
  readonly context?: unknown;
  /** What to do when a body parser was first, in the framework's own words. */
  readonly fix?: string;
}

/** Lets the receiver answer a Node request, under any framework that is built on `node:http`. */
export async function answerNodeRequest(
  receiver: Receiver,
  request: ParsedIncomingMessage,
  response: ServerResponse,
  options: AnswerNodeRequestOptions = {},
): Promise<void> {
  const { context = request, fix } = options;
  const answer = await receiver.receive({
    method: request.method ?? '',
    header: (name) => firstOf(request.headers[name.toLowerCase()]),
    body: (limitBytes) =>
      readRawBody(request, { limitBytes, ...(fix === undefined ? {} : { fix }) }),
    context,
  });
  writeAnswer(response, answer);
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

function firstOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}
