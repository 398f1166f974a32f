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
export { createReceiver, toReceiver, type Receiver } from './receiver.ts';
export type { BodyReader, ReceiverHost, ReceiverRequest } from './receiver-request.ts';
export type { ErrorContext, ReceiverOptions } from './receiver-options.ts';
export type { ReceiverAnswer, Refusal } from './receiver-answer.ts';
export { answerMisconfigured } from './receiver-reports.ts';
export type {
  BodyHandler,
  DeliveryEvent,
  DeliveryHandler,
  DeliveryWithBody,
  HandlerContext,
  HandlerOptions,
  Unsubscribe,
} from './delivery-handler.ts';
export type {
  StandardSchema,
  StandardSchemaIssue,
  StandardSchemaResult,
} from './standard-schema.ts';
export type { AwaitedJob, WaitForOptions } from './delivery-waiters.ts';
export type {
  SchemeVerdict,
  SignatureScheme,
  SignedMessage,
} from './schemes/signature-scheme.ts';
export { ezthrottleSignature } from './schemes/ezthrottle-signature.ts';
export { standardWebhooks } from './schemes/standard-webhooks.ts';
export { standardWebhooksEd25519 } from './schemes/standard-webhooks-ed25519.ts';
export { l8Signature } from './schemes/l8-signature.ts';
export type { PublicKeyOptions, PublicKeys, PublicKeysSource } from './schemes/public-keys.ts';
export type { ContinuationContext, ContinuationRunner, WorkClaim } from './continuation-runner.ts';
export type { DedupeClaim, DedupeLease, DedupeStore } from './dedupe-store.ts';
export { readRequestBody } from './request-body.ts';
export { MemoryDedupeStore, type MemoryDedupeStoreOptions } from './memory-dedupe-store.ts';
export {
  BodyAlreadyParsedError,
  BodyTooLargeError,
  BodyUnreadableError,
  DedupeStoreAnswerError,
  DedupeStoreFullError,
  DedupeStoreTimeoutError,
  DeliveryTimeoutError,
  HandlerTimeoutError,
  HandlersFailedError,
  LeaseLostError,
  ReceiveAbortedError,
  ReceiverClosedError,
  ReceiverConfigurationError,
  ResponseBodyError,
  SecretsTimeoutError,
  TooManyWaitersError,
  WebhookVerificationError,
  WorkInFlightError,
  type BodyIssue,
} from './errors.ts';
export { signWebhook, type SignWebhookInput } from '../protocol/sign-webhook.ts';
export { decodeDelivery } from '../protocol/decode-delivery.ts';
export type { DecodedDelivery, Delivery, DeliveryResponse } from '../protocol/decode-delivery.ts';
