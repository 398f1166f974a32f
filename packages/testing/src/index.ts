/** A server for tests, in virtual time, by the rules of the real one. */
export { createTestServer, type TestClock, type TestServer } from './test-server.ts';
export type { TestServerOptions } from './test-server-options.ts';
export type {
  TestWebhook,
  WebhookHandler,
  WebhookOptions,
  WebhookTarget,
} from './test-webhook.ts';
export type { ReceivedCall } from './network/received-call.ts';
export type { Script, ScriptedAnswer, ScriptResult, ScriptStep } from './network/script.ts';
export type { Upstream } from './network/scripted-target.ts';
export { TestServerError } from './test-server-error.ts';
export type { Duration } from './time/duration.ts';
export { MemoryStore } from './store/memory-store.ts';
export { deliveryPayload } from './deliveries/delivery-payload.ts';
export {
  signedRequest,
  type SignedRequest,
  type SignedRequestOptions,
} from './deliveries/signed-request.ts';
export type { SigningScheme } from './deliveries/sign-headers.ts';
export { TEST_KEYS } from './deliveries/sender-keys.ts';
export {
  dedupeStoreChecks,
  type DedupeStoreCheck,
  type DedupeStoreWorld,
} from './dedupe-store-checks.ts';
export type { ExpectedCall, ExpectedDelivery } from './assert/expectations.ts';
export {
  assertCalled,
  assertDelivered,
  matchers,
  type TestingMatchers,
} from './assert/matchers.ts';
