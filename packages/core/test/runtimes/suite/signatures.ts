import {
  createWebhookVerifier,
  l8Signature,
  signWebhook,
  standardWebhooks,
  standardWebhooksEd25519,
  type SchemeVerdict,
  type SignatureScheme,
  tryVerifyWithSecrets,
  verifyWebhookSignature,
  verifyWebhookSignatureStrict,
  WebhookVerificationError,
} from '@ezthrottle/core/webhooks';
import vectors from '../../../../../spec/vectors/signatures.json' with { type: 'json' };
import { errorOf, expectEqual, expectMembers, expectTrue } from './expectations.ts';
import type { Suite } from './world.ts';

const secret = 'a secret of this suite';
const older = 'the secret before this';
const timestampSeconds = 1_763_674_210;
const now = (): number => timestampSeconds * 1_000;
const body = '{"note":"héllo ✓"}';
const header = signWebhook({ body, secret, timestampSeconds });

export const signatures: Suite = {
  'signs as published': () => {
    for (const vector of vectors.sign) {
      const { secret, timestamp_seconds } = vector;
      const signed = { secret, timestampSeconds: timestamp_seconds, body: bodyOf(vector) };
      expectEqual([vector.name, signWebhook(signed)], [vector.name, vector.header]);
    }
  },

  'the synchronous check gives the published verdicts': () => {
    for (const vector of vectors.verify) {
      const options = {
        toleranceSeconds: vector.tolerance_seconds,
        now: () => vector.now_seconds * 1_000,
      };
      const [primary = '', secondary] = vector.secrets;
      const verdict =
        secondary === undefined
          ? verifyWebhookSignature(bodyOf(vector), vector.header, primary, options)
          : tryVerifyWithSecrets(bodyOf(vector), vector.header, primary, secondary, options);
      const reason = secondary === undefined ? vector.reason : 'valid_secondary';
      expectEqual([vector.name, verdict], [vector.name, { verified: vector.verified, reason }]);
    }
  },

  'the asynchronous check gives the published verdicts': async () => {
    for (const vector of vectors.verify) {
      const verifier = createWebhookVerifier({
        secrets: vector.secrets,
        toleranceSeconds: vector.tolerance_seconds,
        now: () => vector.now_seconds * 1_000,
      });
      const bytes = new TextEncoder().encode(vector.body);
      const { verified, reason } = await verifier.verify(bytes, vector.header);
      expectEqual([vector.name, verified, reason], [vector.name, vector.verified, vector.reason]);
    }
  },

  'every other scheme gives the published verdicts': async () => {
    for (const vector of vectors.schemes) {
      const verdict = await schemeOf(vector).verify(messageOf(vector));
      expectEqual(
        [vector.scheme, vector.name, verdict],
        [vector.scheme, vector.name, published(vector)],
      );
    }
  },

  'checks a body as text, as bytes, and as a view into a larger buffer': async () => {
    const bytes = new TextEncoder().encode(body);
    const padded = new Uint8Array(bytes.length + 8).fill(7);
    padded.set(bytes, 4);
    const view = padded.subarray(4, 4 + bytes.length);
    const verifier = createWebhookVerifier({ secrets: [secret, older], now });
    for (const form of [body, bytes, view]) {
      expectEqual(verifyWebhookSignature(form, header, secret, { now }).reason, 'valid');
    }
    expectEqual((await verifier.verify(view, header)).verified, true);
    expectEqual((await verifier.verify(padded, header)).verified, false);
  },

  'checks a large body that is not text': async () => {
    const large = new Uint8Array(300_000).map((_, index) => (index * 7) % 256);
    const signed = signWebhook({ body: large, secret, timestampSeconds });
    const verifier = createWebhookVerifier({ secrets: secret, now });
    expectEqual(verifyWebhookSignature(large, signed, secret, { now }).verified, true);
    expectEqual((await verifier.verify(large, signed)).verified, true);
    large[299_999] = 0;
    expectEqual(verifyWebhookSignature(large, signed, secret, { now }).verified, false);
    expectEqual((await verifier.verify(large, signed)).verified, false);
  },

  'the strict check throws an error of its own class': async () => {
    verifyWebhookSignatureStrict(body, header, secret, { now });
    const error = await errorOf(() => verifyWebhookSignatureStrict('{}', header, secret, { now }));
    expectTrue(error instanceof WebhookVerificationError, `it is another error: ${String(error)}`);
    expectMembers(error, { code: 'webhook_verification_failed', name: 'WebhookVerificationError' });
  },

  'never accepts anything under a missing secret': () => {
    expectMembers(verifyUntyped(body, header, undefined), { verified: false });
    expectMembers(verifyUntyped(body, header, ''), { verified: false });
  },
};

type SchemeVector = (typeof vectors.schemes)[number];

function schemeOf({ scheme, keys }: SchemeVector): SignatureScheme {
  if (scheme === 'standard-webhooks') return standardWebhooks();
  return (scheme === 'l8' ? l8Signature : standardWebhooksEd25519)({ publicKeys: keys });
}

function messageOf(vector: SchemeVector): Parameters<SignatureScheme['verify']>[0] {
  const headers = new Map(Object.entries(vector.headers));
  const body = bodyOf(vector);
  return {
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
    header: (name) => headers.get(name),
    context: null,
    secrets: async () => vector.keys,
    toleranceSeconds: vector.tolerance_seconds,
    now: () => vector.now_seconds * 1_000,
  };
}

function published({ scheme, verdict }: SchemeVector): SchemeVerdict {
  if (verdict.state === 'absent') return { state: 'absent' };
  if (verdict.state === 'refused') return { state: 'refused', reason: verdict.reason ?? '' };
  return { state: 'valid', signedId: scheme === 'l8' ? null : (verdict.signed_id ?? null) };
}

/** A call as JavaScript without types makes it. */
function verifyUntyped(...values: unknown[]): unknown {
  const untyped: unknown = verifyWebhookSignature;
  return typeof untyped === 'function' ? untyped(...values) : undefined;
}

function bodyOf(vector: { body?: string; body_base64?: string }): string | Uint8Array {
  if (vector.body_base64 === undefined) return vector.body ?? '';
  return Uint8Array.from(atob(vector.body_base64), (character) => character.charCodeAt(0));
}
