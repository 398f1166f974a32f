import type { Problem } from '../../protocol/wire-error.ts';
import { findSecretProblems, type WebhookSecretsSource } from '../webhook-verifier.ts';
import { ezthrottleSignature } from './ezthrottle-signature.ts';
import type { SignatureScheme } from './signature-scheme.ts';
import { standardWebhooks } from './standard-webhooks.ts';

/** The part of a receiver's options that says whom it trusts. */
interface SenderOptions {
  readonly secrets?: WebhookSecretsSource;
  readonly schemes?: readonly SignatureScheme[];
  readonly allowUnsigned?: boolean;
}

const MAX_SCHEMES = 8;

/** The schemes that were given, or those for which secrets alone are enough. */
export function schemesOf({ schemes, secrets }: SenderOptions): readonly SignatureScheme[] {
  if (schemes !== undefined) return schemes;
  return secrets === undefined ? [] : [ezthrottleSignature(), standardWebhooks()];
}

/** Takes anything: an application that trusts nobody, or everybody, by mistake must not start. */
export function findSenderProblems(options: SenderOptions): readonly Problem[] {
  const { secrets } = options;
  const schemes: unknown = options.schemes;
  // Left out is a decision; there without a value is a variable that is not set.
  const isLeftOut = !('secrets' in options);
  const needsSecrets = schemes === undefined && options.allowUnsigned !== true;
  const areNoValues = typeof secrets === 'function' || (isLeftOut && !needsSecrets);
  const problems = areNoValues ? [] : findSecretProblems(secrets);
  if (schemes === undefined) return problems;
  const least = options.allowUnsigned === true ? 0 : 1;
  if (!Array.isArray(schemes) || schemes.length < least || schemes.length > MAX_SCHEMES) {
    const message = Array.isArray(schemes) ? `has ${schemes.length} entries` : 'is no list';
    return [...problems, { path: 'schemes', message, expected: `1 to ${MAX_SCHEMES} schemes` }];
  }
  return [
    ...problems,
    ...schemes.flatMap((scheme: unknown, index) => found(scheme, index, secrets)),
  ];
}

function found(scheme: unknown, index: number, secrets: unknown): readonly Problem[] {
  const place = `schemes[${index}]`;
  if (!isScheme(scheme)) {
    const expected = 'a scheme such as ezthrottleSignature() gives';
    return [{ path: place, message: 'cannot verify', expected }];
  }
  return scheme.findProblems(secrets).map(({ path, ...problem }) => ({
    path: path === '' ? place : `${place}.${path}`,
    ...problem,
  }));
}

function isScheme(scheme: unknown): scheme is SignatureScheme {
  if (typeof scheme !== 'object' || scheme === null) return false;
  return ['verify', 'findProblems'].every(
    (name) => typeof Reflect.get(scheme, name) === 'function',
  );
}
