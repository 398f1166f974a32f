import { hmacSha256Async } from '#async-hmac';
import type { Awaitable } from '../awaitable.ts';
import { MIN_SECRET_LENGTH, hasSignature, signedContent } from '../protocol/signature.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { ReceiverConfigurationError } from './errors.ts';
import {
  readSignedHeader,
  signatureResult,
  type SignatureHeaderValue,
  type VerificationResult,
  type VerifyOptions,
} from './signed-header.ts';

/** One secret, or all that are good at the moment, the newest first. */
export type WebhookSecrets = string | readonly string[];

/**
 * Secrets, or where to get them for each request: from a secret manager, or from an environment that
 * exists per request only, which the adapter passes as `context`.
 */
export type WebhookSecretsSource =
  | WebhookSecrets
  | ((context: unknown) => WebhookSecrets | Promise<WebhookSecrets>);

export interface WebhookVerifierOptions extends VerifyOptions {
  /** Each has at least 16 characters. Tried in this order. */
  readonly secrets: WebhookSecretsSource;
}

export interface WebhookVerifier {
  /** Checks the raw body against the header under every secret. Rejects when there is no usable secret. */
  verify(
    body: Uint8Array,
    signatureHeader: SignatureHeaderValue,
    context?: unknown,
  ): Promise<VerificationResult>;
}

const MAX_SECRETS = 16;

/**
 * The receiver's own check: asynchronous, since secrets may have to be fetched, and since WebCrypto,
 * which does the work wherever there is no node:crypto, has no other form.
 *
 * @throws {ReceiverConfigurationError} when secrets that are given at once are missing or too short.
 */
export function createWebhookVerifier(options: WebhookVerifierOptions): WebhookVerifier {
  const { secrets: source } = options;
  if (typeof source !== 'function') checkSecrets(source);
  return {
    async verify(body, signatureHeader, context) {
      const secrets = checkSecrets(typeof source === 'function' ? await source(context) : source);
      const signed = readSignedHeader(body, signatureHeader, secrets, options);
      if (signed.header === null) return signed.result;
      const { header } = signed;
      const content = signedContent(header.timestamp, body);
      // Whoever sees the time this takes learns how many secrets there are, nothing about any of them.
      for (const secret of secrets) {
        if (hasSignature(header, await hmacSha256Async(secret, content))) {
          return signatureResult(true);
        }
      }
      return signatureResult(false);
    },
  };
}

/** The secrets as a list. @throws {ReceiverConfigurationError} naming each that cannot be used. */
function checkSecrets(secrets: WebhookSecrets): readonly string[] {
  const problems = findSecretProblems(secrets);
  if (problems.length > 0) throw new ReceiverConfigurationError(problems);
  return typeof secrets === 'string' ? [secrets] : secrets;
}

/** The one secret that most have, for which no list of problems has to be made. */
function isLong(secrets: unknown): secrets is string {
  return typeof secrets === 'string' && secrets.length >= MIN_SECRET_LENGTH;
}

/** Asks for the secrets when they are needed first, and only once. Values are there at once. */
export function secretsOnce(
  source: WebhookSecretsSource | undefined,
  context: unknown,
): () => Awaitable<readonly string[]> {
  if (source === undefined) return () => [];
  if (typeof source !== 'function') return () => (isLong(source) ? [source] : checkSecrets(source));
  let secrets: Promise<readonly string[]> | undefined;
  const ask = async (): Promise<readonly string[]> => checkSecrets(await source(context));
  return () => (secrets ??= ask());
}

/** Takes anything: a variable that is not set must be named here, not fail later. */
export function findSecretProblems(secrets: unknown): Problem[] {
  const list: readonly unknown[] = Array.isArray(secrets) ? secrets : [secrets];
  if (list.length === 0 || list.length > MAX_SECRETS) {
    const message = list.length === 0 ? 'is empty' : `has ${list.length} entries`;
    return [{ path: 'secrets', message, expected: `1 to ${MAX_SECRETS} webhook secrets` }];
  }
  return list.flatMap((secret, index) => {
    const path = Array.isArray(secrets) ? `secrets[${index}]` : 'secrets';
    const expected = `a string of at least ${MIN_SECRET_LENGTH} characters`;
    if (typeof secret !== 'string') return [{ path, message: `is ${typeof secret}`, expected }];
    if (secret.length >= MIN_SECRET_LENGTH) return [];
    return [{ path, message: `has ${secret.length} characters`, expected }];
  });
}
