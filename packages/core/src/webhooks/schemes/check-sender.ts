import { andThen, type Awaitable } from '../../awaitable.ts';
import type { SignatureScheme, SignedMessage } from './signature-scheme.ts';

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
  const refusals: SchemeRefusal[] = [];
  const tryFrom = (index: number): Awaitable<SenderCheck> => {
    const scheme = schemes[index];
    if (scheme === undefined) return withoutProof(refusals, allowUnsigned);
    return andThen(scheme.verify(message), (verdict) => {
      if (verdict.state === 'valid') return { verified: true, signedId: verdict.signedId };
      if (verdict.state === 'refused') refusals.push({ name: scheme.name, reason: verdict.reason });
      return tryFrom(index + 1);
    });
  };
  return tryFrom(0);
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
