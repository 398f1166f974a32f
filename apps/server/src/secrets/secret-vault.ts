import { SECRET_BOUNDS } from '@ezthrottle/core/protocol';
import type { Clock, Id, SecretRecord, TenancyReads } from '@ezthrottle/engine';
import { type Commit, commitOrThrow } from '../tenancy/committing.ts';
import { sealingContext } from '../tenancy/sealing-context.ts';
import { type SecretBox, SecretBoxError } from '../tenancy/secret-box.ts';
import { type Excess, excessOf, type ReferringCall } from './call-bounds.ts';

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
    readonly verdict: 'created' | 'replaced' | 'full';
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
}): SecretVault {
  const { reads, commit, box, clock, maxBodyBytes } = options;
  const known = new Map<Id, Map<string, SecretRecord>>();

  function own(organization: Id): Map<string, SecretRecord> {
    const found = known.get(organization) ?? new Map<string, SecretRecord>();
    known.set(organization, found);
    return found;
  }

  function open(organization: Id, name: string): ReturnType<SecretVault['open']> {
    const record = known.get(organization)?.get(name);
    if (record === undefined) return null;
    const value = box.open(record.value, contextOf(organization, name));
    return { value, facts: factsOf(record) };
  }

  return {
    async load() {
      const records = await reads.secrets();
      known.clear();
      for (const record of records) own(record.organization).set(record.name, record);
    },
    async put(organization, name, { value, origins }, by = commit) {
      const secrets = own(organization);
      const before = secrets.get(name);
      if (before === undefined && secrets.size >= SECRET_BOUNDS.perOrganization) {
        return { verdict: 'full', facts: null };
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
      await commitOrThrow(by, { type: 'put_secret', secret: record });
      secrets.set(name, record);
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
      const openable = (name: string): string => {
        try {
          return open(organization, name)?.value ?? '';
        } catch (error) {
          if (error instanceof SecretBoxError) return '';
          throw error;
        }
      };
      return excessOf(call, openable, maxBodyBytes);
    },
    async delete(organization, name, by = commit) {
      known.get(organization)?.delete(name);
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
