/** Shapes, names and bounds of the wire: the one door for servers, adapters and dashboards. */
export * from './job.ts';
export * from './delivery.ts';
export * from './headers.ts';
export * from './limits.ts';
export * from './limit.ts';
export * from './audit.ts';
export * from './dead-letter.ts';
export * from './redrive.ts';
export type * from './explanation.ts';
export type * from './webhook-endpoint.ts';
export * from './api-key.ts';
export type * from './replies.ts';
export * from './secret.ts';
export * from './privacy.ts';
export * from './wire-error.ts';
export * from './checks.ts';
export * from './plan.ts';
export {
  MIN_SECRET_LENGTH,
  SIGNATURE_TOLERANCE_SECONDS,
  SIGNATURE_VERSION,
  formatSignature,
  parseSignatureHeader,
  type ParsedSignatureHeader,
  type SignatureHeader,
  type SignatureHeaderProblem,
} from './signature.ts';
export { signStandardWebhook, type SignStandardWebhookInput } from './sign-standard-webhook.ts';
export { signWebhook, type SignWebhookInput } from './sign-webhook.ts';
export {
  decodeDelivery,
  type DecodedDelivery,
  type Delivery,
  type DeliveryResponse,
} from './decode-delivery.ts';
export * from './dialect.ts';
