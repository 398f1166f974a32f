import { type Id, type PaceSettings, slotOf, slotOfLimit } from '@ezthrottle/engine';
import type { DividedDestinations } from './divided-destinations.ts';
import type { NamedLimits } from './dispatch-ports.ts';
import { slotOfCap } from './origin-caps.ts';

type SharedKey =
  | { readonly type: 'destination'; readonly organization: Id; readonly origin: string }
  | { readonly type: 'limit'; readonly organization: Id; readonly name: string }
  | { readonly type: 'cap'; readonly origin: string };

/** Whoever has this slot divides the limit of this key among the nodes. */
export function slotOfKey(key: string): number {
  const shared = sharedKey(key);
  if (shared.type === 'destination') return slotOf(shared.organization, shared.origin);
  return shared.type === 'cap'
    ? slotOfCap(shared.origin)
    : slotOfLimit(shared.organization, shared.name);
}

/** A limit as it is now, by its key; null: there is none. */
export function settingsOfKey(
  key: string,
  rules: Pick<NamedLimits, 'settingsOf'>,
  caps: ReadonlyMap<string, PaceSettings>,
  destinations: Pick<DividedDestinations, 'settingsOf'>,
): PaceSettings | null {
  const shared = sharedKey(key);
  if (shared.type === 'destination') {
    return destinations.settingsOf(key, shared.organization, shared.origin);
  }
  if (shared.type === 'cap') return caps.get(shared.origin) ?? null;
  return rules.settingsOf(shared.organization, shared.name)?.pace ?? null;
}

function sharedKey(key: string): SharedKey {
  const [kind, first = '', ...rest] = key.split(' ');
  if (kind === 'destination') {
    return { type: 'destination', organization: first, origin: rest.join(' ') };
  }
  if (kind === 'cap') return { type: 'cap', origin: first };
  return { type: 'limit', organization: first, name: rest.join(' ') };
}
