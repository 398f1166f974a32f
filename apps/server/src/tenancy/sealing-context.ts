import type { SealedPlace } from '@ezthrottle/engine';

/** What binds an envelope to its place: moved to another one it does not open. */
export function sealingContext({ kind, organization, name }: SealedPlace): string {
  switch (kind) {
    case 'webhook_primary':
    case 'webhook_secondary':
      // A rotation moves an envelope from the one to the other.
      return `webhook-secret:${organization}`;
    case 'signing_key':
      return `signing-key:${organization}`;
    case 'secret':
      return `secret:${organization}:${name}`;
  }
}
