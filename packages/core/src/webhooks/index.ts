/** Receiving webhooks: check, deduplicate, dispatch, answer. Runs on every runtime. */
export {
  tryVerifyWithSecrets,
  verifyWebhookSignature,
  verifyWebhookSignatureStrict,
} from './verify.ts';
export type { SignatureHeaderValue, VerificationResult, VerifyOptions } from './signed-header.ts';
export {
  createWebhookVerifier,
  type WebhookSecrets,
  type WebhookSecretsSource,
  type WebhookVerifier,
  type WebhookVerifierOptions,
} from './webhook-verifier.ts';
export {
  createReceiver,
  toReceiver,
  type BodyReader,
  type Receiver,
  type ReceiverRequest,
} from './receiver.ts';
export type { ErrorContext, ReceiverOptions } from './receiver-options.ts';
export type { ReceiverAnswer, Refusal } from './receiver-answer.ts';
export type { DeliveryHandler, HandlerContext, Unsubscribe } from './handler-registry.ts';
export type { ContinuationContext, ContinuationRunner, WorkClaim } from './continuation-runner.ts';
export type { DedupeClaim, DedupeLease, DedupeStore } from './dedupe-store.ts';
export { MemoryDedupeStore, type MemoryDedupeStoreOptions } from './memory-dedupe-store.ts';
export {
  BodyAlreadyParsedError,
  BodyTooLargeError,
  BodyUnreadableError,
  DedupeStoreFullError,
  HandlerTimeoutError,
  HandlersFailedError,
  LeaseLostError,
  ReceiveAbortedError,
  ReceiverConfigurationError,
  WebhookVerificationError,
  WorkInFlightError,
} from './errors.ts';
export { signWebhook, type SignWebhookInput } from '../protocol/sign-webhook.ts';
export { decodeDelivery } from '../protocol/decode-delivery.ts';
export type { DecodedDelivery, Delivery, DeliveryResponse } from '../protocol/decode-delivery.ts';
