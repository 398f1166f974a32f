import { EZThrottleError, TimeoutError, ValidationError } from '../errors.ts';
import type { Problem } from '../protocol/wire-error.ts';

/** Thrown by the strict check; the message ends with the reason. */
export class WebhookVerificationError extends EZThrottleError {
  override readonly name: string = 'WebhookVerificationError';

  constructor(message: string) {
    super(message, { code: 'webhook_verification_failed' });
  }
}

/** The receiver's options cannot work; `problems` lists everything that is wrong with them. */
export class ReceiverConfigurationError extends ValidationError {
  override readonly name: string = 'ReceiverConfigurationError';

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(
      ({ path, message, expected }) => `${path} ${message} (expected: ${expected})`,
    );
    super(`The webhook receiver cannot be made: ${lines.join('; ')}`, problems, {
      code: 'receiver_configuration',
    });
  }
}

/** The body has more bytes than the receiver accepts; answered with 413. */
export class BodyTooLargeError extends EZThrottleError {
  override readonly name: string = 'BodyTooLargeError';
  readonly limitBytes: number;

  constructor(limitBytes: number) {
    super(`The request body has more than ${limitBytes} bytes.`, {
      code: 'body_too_large',
      status: 413,
    });
    this.limitBytes = limitBytes;
  }
}

/**
 * Something read the body before the receiver, so the bytes that were signed are gone. Answered with
 * 500: it is a mistake in the application, and parsing and writing again would not give the same bytes.
 */
export class BodyAlreadyParsedError extends EZThrottleError {
  override readonly name: string = 'BodyAlreadyParsedError';
  /** What read it, as far as that can be told. */
  readonly parser: string;

  constructor(parser: string, fix: string) {
    super(
      `The webhook's body was already read by ${parser}, so its signature cannot be checked: ` +
        `it covers the bytes as they were sent. ${fix}`,
      { code: 'body_already_parsed', status: 500 },
    );
    this.parser = parser;
  }
}

/** The connection broke before the whole body had come; answered with 400. */
export class BodyUnreadableError extends EZThrottleError {
  override readonly name: string = 'BodyUnreadableError';

  constructor(cause: unknown) {
    super('The request body could not be read to its end.', {
      code: 'body_unreadable',
      status: 400,
      cause,
    });
  }
}

/** Handlers did not end in time; the delivery is answered with 503 and comes again. */
export class HandlerTimeoutError extends EZThrottleError {
  override readonly name: string = 'HandlerTimeoutError';

  constructor(timeoutMs: number) {
    super(`The webhook handlers did not end within ${timeoutMs} ms.`, {
      code: 'handler_timeout',
      retryable: true,
    });
  }
}

/** Whoever called `receive` gave up by its signal; the delivery is answered with 503 and comes again. */
export class ReceiveAbortedError extends EZThrottleError {
  override readonly name: string = 'ReceiveAbortedError';

  constructor(cause: unknown) {
    super('The webhook was given up before its handlers ended.', {
      code: 'receive_aborted',
      retryable: true,
      cause,
    });
  }
}

/** Handlers ran for longer than their claim held: somebody else may have run them as well. */
export class LeaseLostError extends EZThrottleError {
  override readonly name: string = 'LeaseLostError';

  constructor(id: string) {
    super(
      `The claim on ${id} was lost before it could be committed; it may be handled once more. ` +
        'Give handlers less time, or the claim a longer lease.',
      { code: 'lease_lost', retryable: true },
    );
  }
}

/** The same work is being done elsewhere; the delivery is answered with 409 and comes again. */
export class WorkInFlightError extends EZThrottleError {
  override readonly name: string = 'WorkInFlightError';

  constructor(id: string) {
    super(`${id} is being handled elsewhere.`, { code: 'work_in_flight', retryable: true });
  }
}

/** A store that keeps claims has no room for a further one. */
export class DedupeStoreFullError extends EZThrottleError {
  override readonly name: string = 'DedupeStoreFullError';

  constructor(maxEntries: number) {
    super(`All ${maxEntries} places of the dedupe store hold deliveries that are being handled.`, {
      code: 'dedupe_store_full',
      retryable: true,
    });
  }
}

/** The dedupe store did not answer in time; a delivery that is not claimed is answered with 503. */
export class DedupeStoreTimeoutError extends EZThrottleError {
  override readonly name: string = 'DedupeStoreTimeoutError';

  /** @param call - The method of the store. */
  constructor(call: string, timeoutMs: number) {
    super(`The dedupe store did not answer ${call} within ${timeoutMs} ms.`, {
      code: 'dedupe_store_timeout',
      retryable: true,
    });
  }
}

const STORE_ANSWERS = {
  begin: "'acquired', 'in_flight' or 'done'",
  commit: 'true or false',
} as const;

/** The dedupe store said what no store may say, so nothing was done on the strength of it. */
export class DedupeStoreAnswerError extends EZThrottleError {
  override readonly name: string = 'DedupeStoreAnswerError';

  constructor(call: keyof typeof STORE_ANSWERS, answer: unknown) {
    const said = typeof answer === 'string' ? JSON.stringify(answer.slice(0, 40)) : typeof answer;
    super(`The dedupe store answered ${call} with ${said}; expected ${STORE_ANSWERS[call]}.`, {
      code: 'dedupe_store_answer',
    });
  }
}

/** Secrets or public keys did not come in time; the delivery is answered with 500 and comes again. */
export class SecretsTimeoutError extends EZThrottleError {
  override readonly name: string = 'SecretsTimeoutError';

  constructor(timeoutMs: number) {
    super(`The secrets or keys to check the signature with did not come within ${timeoutMs} ms.`, {
      code: 'secrets_timeout',
      retryable: true,
    });
  }
}

/** Several handlers of one delivery failed; `errors` has each failure. */
export class HandlersFailedError extends EZThrottleError {
  override readonly name: string = 'HandlersFailedError';
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    super(`${errors.length} webhook handlers failed.`, {
      code: 'handlers_failed',
      retryable: true,
      cause: errors[0],
    });
    this.errors = errors;
  }
}

/** One thing in which a response is not what a schema asks for. */
export interface BodyIssue {
  /** Such as `items.0.price`; empty for the body as a whole. */
  readonly path: string;
  readonly message: string;
}

/** The body of a response does not fit the schema of a handler, which was not run. */
export class ResponseBodyError extends EZThrottleError {
  override readonly name: string = 'ResponseBodyError';
  /** Everything that is wrong, at most 100 entries. */
  readonly issues: readonly BodyIssue[];

  constructor(issues: readonly BodyIssue[]) {
    const lines = issues.map(({ path, message }) =>
      path === '' ? message : `${path}: ${message}`,
    );
    super(`The response does not fit the schema of its handler: ${lines.join('; ')}`, {
      code: 'response_body_invalid',
    });
    this.issues = issues;
  }
}

/** No delivery of the awaited job came to this process in time. */
export class DeliveryTimeoutError extends TimeoutError {
  override readonly name: string = 'DeliveryTimeoutError';

  constructor(awaited: string, timeoutMs: number) {
    super(`No delivery of ${awaited} came to this process within ${timeoutMs} ms.`, {
      code: 'delivery_timeout',
    });
  }
}

/** So many wait for deliveries already that no more may. */
export class TooManyWaitersError extends EZThrottleError {
  override readonly name: string = 'TooManyWaitersError';

  constructor(maxWaiters: number) {
    super(`${maxWaiters} calls wait for deliveries already.`, {
      code: 'too_many_waiters',
      retryable: true,
    });
  }
}

/** The receiver was closed, so nothing more comes. */
export class ReceiverClosedError extends EZThrottleError {
  override readonly name: string = 'ReceiverClosedError';

  constructor() {
    super('The receiver is closed, so no delivery comes any more.', { code: 'receiver_closed' });
  }
}
