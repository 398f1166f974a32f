import { isDeepStrictEqual } from 'node:util';
import { SECRET_BOUNDS } from '@ezthrottle/core/protocol';
import type { Clock, Id, SecretRecord, TenancyReads } from '@ezthrottle/engine';
import { type Commit, commitOrThrow } from '../tenancy/committing.ts';
import { sealingContext } from '../tenancy/sealing-context.ts';
import { type SecretBox, SecretBoxError } from '../tenancy/secret-box.ts';
import { type Excess, excessOf, type ReferringCall } from './call-bounds.ts';
import type { FormerSecrets } from './former-secrets.ts';
import type { Mask } from './mask.ts';
import { OrganizationMasks, type SealedValue } from './organization-masks.ts';

/** A secret without what it keeps. */
export type SecretFacts = Omit<SecretRecord, 'value'>;

/** A change is written by `by`, where that is given. */
export interface SecretVault {
  /** Reads all names and sealed values. To be called before anything else, and when others have changed some. */
  load(): Promise<void>;
  /** `full` when there are as many as there may be. */
  put(
    organization: Id,
    name: string,
    secret: { readonly value: string; readonly origins: readonly string[] },
    by?: Commit,
  ): Promise<{
    readonly verdict: 'created' | 'replaced' | 'unchanged' | 'full';
    readonly facts: SecretFacts | null;
  }>;
  /** By name. */
  list(organization: Id): readonly SecretFacts[];
  find(organization: Id, name: string): SecretFacts | null;
  /** Null when there is none. @throws SecretBoxError when its master key is not known */
  open(
    organization: Id,
    name: string,
  ): { readonly value: string; readonly facts: SecretFacts } | null;
  /** Parts of a call that its secrets, as far as they can be opened, make longer than it may be. */
  excess(organization: Id, call: ReferringCall): readonly Excess[];
  /** Whether it has secrets, or has had some of late. */
  hasAny(organization: Id): boolean;
  /** Hides all values that the organization has and had; null: there are none. */
  maskOf(organization: Id): Mask | null;
  /** False when there is none. */
  delete(organization: Id, name: string, by?: Commit): Promise<boolean>;
}

/**
 * The secrets that jobs refer to. They stay sealed in memory as well, and are opened for each call: so
 * that a call never waits for the store, and what lies in memory tells nothing.
 */
export function createSecretVault(options: {
  readonly reads: Pick<TenancyReads, 'secrets'>;
  readonly commit: Commit;
  readonly box: SecretBox;
  readonly clock: Pick<Clock, 'now'>;
  /** What a call's body may have with its secrets in it. */
  readonly maxBodyBytes: number;
  readonly former: FormerSecrets;
}): SecretVault {
  const { reads, commit, box, clock, maxBodyBytes, former } = options;
  const known = new Map<Id, Map<string, SecretRecord>>();

  function own(organization: Id): Map<string, SecretRecord> {
    const found = known.get(organization) ?? new Map<string, SecretRecord>();
    known.set(organization, found);
    return found;
  }

  function openedOrNull(organization: Id, { name, value }: SealedValue): string | null {
    try {
      return box.open(value, contextOf(organization, name));
    } catch (error) {
      if (error instanceof SecretBoxError) return null;
      throw error;
    }
  }

  const masks = new OrganizationMasks(openedOrNull);

  /** What the secret was until now is hidden for a while still, unless it stays what it is. */
  async function remember(before: SecretRecord | undefined, value: string | null): Promise<void> {
    if (before === undefined || openedOrNull(before.organization, before) === value) return;
    await former.remember(before.organization, { name: before.name, value: before.value });
    masks.changed(before.organization);
  }

  function open(organization: Id, name: string): ReturnType<SecretVault['open']> {
    const record = known.get(organization)?.get(name);
    if (record === undefined) return null;
    const value = box.open(record.value, contextOf(organization, name));
    return { value, facts: factsOf(record) };
  }

  function hasAny(organization: Id): boolean {
    return (known.get(organization)?.size ?? 0) > 0 || former.has(organization);
  }

  function isSame(before: SecretRecord, value: string, origins: readonly string[]): boolean {
    if (!isDeepStrictEqual(before.origins, origins)) return false;
    try {
      return box.open(before.value, contextOf(before.organization, before.name)) === value;
    } catch (error) {
      // Whatever it was, it opens nothing any more.
      if (error instanceof SecretBoxError) return false;
      throw error;
    }
  }

  return {
    hasAny,
    async load() {
      await former.load();
      const records = await reads.secrets();
      known.clear();
      masks.allChanged();
      for (const record of records) own(record.organization).set(record.name, record);
    },
    async put(organization, name, { value, origins }, by = commit) {
      const secrets = own(organization);
      const before = secrets.get(name);
      if (before === undefined && secrets.size >= SECRET_BOUNDS.perOrganization) {
        return { verdict: 'full', facts: null };
      }
      if (before !== undefined && isSame(before, value, origins)) {
        return { verdict: 'unchanged', facts: factsOf(before) };
      }
      const now = clock.now();
      const record: SecretRecord = {
        organization,
        name,
        value: box.seal(value, contextOf(organization, name)),
        origins,
        createdAt: before?.createdAt ?? now,
        updatedAt: now,
      };
      await remember(before, value);
      await commitOrThrow(by, { type: 'put_secret', secret: record });
      secrets.set(name, record);
      masks.changed(organization);
      return { verdict: before === undefined ? 'created' : 'replaced', facts: factsOf(record) };
    },
    list(organization) {
      const secrets = [...(known.get(organization)?.values() ?? [])];
      return secrets.map(factsOf).toSorted((one, other) => (one.name < other.name ? -1 : 1));
    },
    find(organization, name) {
      const record = known.get(organization)?.get(name);
      return record === undefined ? null : factsOf(record);
    },
    open,
    excess(organization, call) {
      const valueOf = (name: string): string => {
        const record = known.get(organization)?.get(name);
        return record === undefined ? '' : (openedOrNull(organization, record) ?? '');
      };
      return excessOf(call, valueOf, maxBodyBytes);
    },
    maskOf(organization) {
      if (!hasAny(organization)) return null;
      return masks.of(organization, () => [
        ...(known.get(organization)?.values() ?? []),
        ...former.of(organization),
      ]);
    },
    async delete(organization, name, by = commit) {
      await remember(known.get(organization)?.get(name), null);
      known.get(organization)?.delete(name);
      masks.changed(organization);
      const { verdict } = await by({ type: 'delete_secret', organization, name });
      return verdict === 'ok';
    },
  };
}

function contextOf(organization: Id, name: string): string {
  return sealingContext({ kind: 'secret', organization, name });
}

function factsOf({ value: _sealed, ...facts }: SecretRecord): SecretFacts {
  return facts;
}
