import type { LimitKey, LimitSettingsRequest } from '@ezthrottle/core/protocol';
import {
  type Clock,
  encodeLimit,
  type Id,
  type LimitListQuery,
  type LimitReads,
  type LimitRecord,
  nextLimitRecord,
} from '@ezthrottle/engine';
import type { Commit } from '../tenancy/committing.ts';
import type { LiveLimitRules } from './limit-rules.ts';

/** What stands in the way of a change. */
export type LimitRefusal =
  /** The organization, or the server, has as many as it may have. */
  | { readonly verdict: 'full'; readonly most: number }
  /** There is none that could be taken away. */
  | { readonly verdict: 'gone' };

export type LimitChange =
  | { readonly verdict: 'created' | 'changed' | 'unchanged'; readonly record: LimitRecord }
  | LimitRefusal;

/** Limits as their organizations see and change them. */
export interface Limits {
  get(organization: Id, key: LimitKey): Promise<LimitRecord | null>;
  list(query: LimitListQuery): Promise<readonly LimitRecord[]>;
  /**
   * Puts what `change` makes of what is stored; null takes it away. Nothing else comes between. What
   * `change` throws is thrown, and nothing is changed.
   *
   * @param by Writes the change; default: without an entry in the audit log.
   */
  change(
    organization: Id,
    key: LimitKey,
    change: (stored: LimitRecord | null) => LimitSettingsRequest | null,
    by?: Commit,
  ): Promise<LimitChange>;
}

export interface LimitsOptions {
  readonly reads: LimitReads;
  readonly rules: LiveLimitRules;
  readonly commit: Commit;
  readonly clock: Pick<Clock, 'now'>;
  readonly mostPerOrganization: number;
  /** Over all organizations: they are held in memory. Default 100,000. */
  readonly most?: number;
}

const DEFAULT_MOST = 100_000;
/** Tries against somebody else who changes the same limit. */
const MAX_TRIES = 5;

/** Somebody else has changed the limit each time that it was tried. */
class LimitContendedError extends Error {
  readonly code = 'limit_contended';
  override readonly name = 'LimitContendedError';

  constructor() {
    super('the limit was changed by others again and again');
  }
}

export function createLimits(options: LimitsOptions): Limits {
  const { reads } = options;
  // One change after the other, so that what one has read is what it replaces.
  let last: Promise<unknown> = Promise.resolve();
  return {
    get: (organization, { key }) => reads.get(organization, key),
    list: (query) => reads.list(query),
    change(organization, key, change, by = options.commit) {
      const changing = { ...options, commit: by };
      const turn = last.then(() => changeLimit(changing, organization, key, change));
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}

async function changeLimit(
  options: LimitsOptions,
  organization: Id,
  { kind, key }: LimitKey,
  change: (stored: LimitRecord | null) => LimitSettingsRequest | null,
): Promise<LimitChange> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const stored = await options.reads.get(organization, key);
    const settings = change(stored);
    const done =
      settings === null
        ? await remove(options, stored)
        : await put(options, { organization, key, stored, data: encodeLimit(kind, settings) });
    if (done !== null) return done;
  }
  throw new LimitContendedError();
}

/** Null: somebody else was faster. */
async function remove(
  { commit, rules }: LimitsOptions,
  stored: LimitRecord | null,
): Promise<LimitChange | null> {
  if (stored === null) return { verdict: 'gone' };
  const { organization, key, version } = stored;
  const { verdict } = await commit({ type: 'delete_limit', organization, key, version });
  if (verdict !== 'ok') return null;
  rules.changed(organization, key, null);
  return { verdict: 'changed', record: stored };
}

interface Wish {
  readonly organization: Id;
  readonly key: string;
  readonly stored: LimitRecord | null;
  readonly data: string;
}

/** Null: somebody else was faster. */
async function put(options: LimitsOptions, wish: Wish): Promise<LimitChange | null> {
  const { commit, rules, clock, mostPerOrganization, most = DEFAULT_MOST } = options;
  const { organization, key, stored, data } = wish;
  if (stored?.data === data) return { verdict: 'unchanged', record: stored };
  if (stored === null && rules.countOf(organization) >= mostPerOrganization) {
    return { verdict: 'full', most: mostPerOrganization };
  }
  if (stored === null && rules.size >= most) return { verdict: 'full', most };
  const record = nextLimitRecord(stored, { organization, key, data }, clock.now());
  const replaces = stored?.version ?? null;
  const { verdict } = await commit({ type: 'put_limit', limit: record, replaces });
  if (verdict !== 'ok') return null;
  rules.changed(organization, key, record);
  return { verdict: stored === null ? 'created' : 'changed', record };
}
