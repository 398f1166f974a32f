import { isPending, type Awaitable } from '../../awaitable.ts';
import type { SchemeVerdict, SignatureScheme, SignedMessage } from './signature-scheme.ts';

export type SenderCheck =
  | { readonly verified: true; readonly signedId: string | null }
  | { readonly verified: false; readonly reason: string };

interface SchemeRefusal {
  readonly name: string;
  readonly reason: string;
}

/**
 * Whether one of the allowed schemes proves the sender. They are tried in their order; what a request
 * says of itself decides nothing. Of a request that is signed, but wrongly, every reason is told.
 */
export function checkSender(
  message: SignedMessage,
  schemes: readonly SignatureScheme[],
  allowUnsigned: boolean,
): Awaitable<SenderCheck> {
  return tryFrom(0, message, schemes, [], allowUnsigned);
}

function tryFrom(
  first: number,
  message: SignedMessage,
  schemes: readonly SignatureScheme[],
  refusals: readonly SchemeRefusal[],
  allowUnsigned: boolean,
): Awaitable<SenderCheck> {
  let refused = refusals;
  for (let index = first; index < schemes.length; index += 1) {
    const scheme = schemes[index];
    if (scheme === undefined) break;
    const verdict = scheme.verify(message);
    if (isPending(verdict)) {
      const before = refused;
      return verdict.then((found) =>
        found.state === 'valid'
          ? { verified: true, signedId: found.signedId }
          : tryFrom(index + 1, message, schemes, withRefusal(before, scheme, found), allowUnsigned),
      );
    }
    if (verdict.state === 'valid') return { verified: true, signedId: verdict.signedId };
    refused = withRefusal(refused, scheme, verdict);
  }
  return withoutProof(refused, allowUnsigned);
}

function withRefusal(
  refusals: readonly SchemeRefusal[],
  { name }: SignatureScheme,
  verdict: SchemeVerdict,
): readonly SchemeRefusal[] {
  return verdict.state === 'refused' ? [...refusals, { name, reason: verdict.reason }] : refusals;
}

function withoutProof(refusals: readonly SchemeRefusal[], allowUnsigned: boolean): SenderCheck {
  const [first] = refusals;
  if (first === undefined) {
    if (allowUnsigned) return { verified: true, signedId: null };
    return { verified: false, reason: 'no_signature_header' };
  }
  if (refusals.length === 1) return { verified: false, reason: first.reason };
  const reasons = refusals.map(({ name, reason }) => `${name}: ${reason}`);
  return { verified: false, reason: reasons.join('; ') };
}
