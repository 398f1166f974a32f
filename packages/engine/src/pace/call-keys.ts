import type { PathSpec } from '../job/job-spec.ts';
import type { Id } from '../ports/operation.ts';
import type { KeyCost } from './limit-gate.ts';

/** Whom a call is made for, and where to. */
export interface CallOwner {
  readonly organization: Id;
  readonly apiKey: Id;
  /** Whether calls of this API key have a limit of their own. Default false. */
  readonly hasAccountLimit?: boolean;
}

/** Key of a destination: an organization's calls to one origin. */
export function destinationKey(organization: Id, origin: string): string {
  return `destination ${organization} ${origin}`;
}

/** Key of an account: all calls of one API key. */
export function accountKey(organization: Id, apiKey: Id): string {
  return `account ${organization} ${apiKey}`;
}

/** Key of a limit that an organization has defined. */
export function limitKey(organization: Id, name: string): string {
  return `limit ${organization} ${name}`;
}

/** Everything that one call of this path counts against: its destination first. */
export function callKeys(
  path: Pick<PathSpec, 'origin' | 'limits'>,
  { organization, apiKey, hasAccountLimit }: CallOwner,
): readonly KeyCost[] {
  return [
    { key: destinationKey(organization, path.origin) },
    ...(hasAccountLimit === true ? [{ key: accountKey(organization, apiKey) }] : []),
    ...(path.limits ?? []).map(({ key, cost }) => ({ key: limitKey(organization, key), cost })),
  ];
}
