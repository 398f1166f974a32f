import { destinationLimit, parseLimitKey } from '@ezthrottle/core/protocol';
import type { DestinationEdits } from '../dispatch/dispatch-ports.ts';
import type { LimitRules } from './limit-rules.ts';

/** Limits of destinations as the dispatcher takes them: at once, also where calls are under way. */
export function createDestinationEdits(rules: LimitRules): DestinationEdits {
  return {
    pausedUntil: (organization, origin) =>
      rules.settingsOf(organization, destinationLimit(origin))?.pausedUntil ?? null,
    onChanged: (listener) =>
      rules.onChanged((organization, key) => {
        const parsed = parseLimitKey(key);
        if (parsed?.kind === 'destination') listener(organization, parsed.origin);
      }),
  };
}
