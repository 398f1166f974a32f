import { answerNodeRequest } from '@ezthrottle/core/node';
import { toReceiver, type Receiver, type ReceiverOptions } from '@ezthrottle/core/webhooks';
import type { RequestHandler } from 'express';

/**
 * Receives EZThrottle's webhooks on an Express route, 4 or 5. It needs the raw body: mount it before
 * `express.json()`, or see the README. The request is the handlers' `context`.
 *
 * @throws {ReceiverConfigurationError} when it is given options that cannot work.
 * @example
 * app.post('/webhooks', ezthrottle({ secrets, on: { success: ship } }));
 */
export function ezthrottle(receiverOrOptions: Receiver | ReceiverOptions): RequestHandler {
  const receiver = toReceiver(receiverOrOptions);
  return (request, response, next) => {
    answerNodeRequest(receiver, request, response).catch(next);
  };
}
