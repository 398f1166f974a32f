import type { Clock, Id, PrivacyReads, SealedText } from '@ezthrottle/engine';
import { type Commit, commitOrThrow } from '../tenancy/committing.ts';

/** A value that a secret had. */
export interface FormerValue {
  readonly name: string;
  readonly value: SealedText;
  /** When it was replaced or deleted, in milliseconds since the epoch. */
  readonly endedAt: number;
}

/** The values that secrets had, sealed: targets that know one may still show it. */
export interface FormerSecrets {
  /** Reads everything. */
  load(): Promise<void>;
  /** To be called before it is replaced or deleted. */
  remember(organization: Id, former: Omit<FormerValue, 'endedAt'>): Promise<void>;
  /** Whether there may be some. */
  has(organization: Id): boolean;
  /** Those that are to be hidden still. */
  of(organization: Id): readonly FormerValue[];
}

const KIND = 'former_secret';
/** Former values of one name that are hidden. */
const VALUES_OF_NAME = 3;
/** Names of an organization with former values; those that ended first go first. */
const NAMES = 200;
/** A job is done long before that, and so is whoever holds a value that was put away for good. */
const HIDDEN_MS = 30 * 86_400_000;

export function createFormerSecrets(options: {
  readonly reads: Pick<PrivacyReads, 'documents'>;
  readonly commit: Commit;
  readonly clock: Pick<Clock, 'now'>;
}): FormerSecrets {
  const { reads, commit, clock } = options;
  const known = new Map<Id, Map<string, readonly FormerValue[]>>();

  function own(organization: Id): Map<string, readonly FormerValue[]> {
    const found = known.get(organization) ?? new Map<string, readonly FormerValue[]>();
    known.set(organization, found);
    return found;
  }

  const isHidden = ({ endedAt }: FormerValue): boolean => endedAt + HIDDEN_MS > clock.now();

  async function write(organization: Id, name: string, data: string | null): Promise<void> {
    await commitOrThrow(commit, { type: 'put_document', organization, kind: KIND, name, data });
  }

  /** Takes away what is not hidden any more, and the oldest beyond the bound. */
  async function tidy(organization: Id): Promise<void> {
    const names = own(organization);
    const newestFirst = [...names].toSorted(
      ([, one], [, other]) => (other[0]?.endedAt ?? 0) - (one[0]?.endedAt ?? 0),
    );
    for (const [index, [name, values]] of newestFirst.entries()) {
      if (index < NAMES && values.some(isHidden)) continue;
      await write(organization, name, null);
      names.delete(name);
    }
  }

  return {
    async load() {
      const documents = await reads.documents();
      known.clear();
      for (const { organization, kind, name, data } of documents) {
        if (kind === KIND) own(organization).set(name, JSON.parse(data));
      }
    },
    async remember(organization, { name, value }) {
      const before = own(organization).get(name) ?? [];
      const values = [{ name, value, endedAt: clock.now() }, ...before].slice(0, VALUES_OF_NAME);
      await write(organization, name, JSON.stringify(values));
      own(organization).set(name, values);
      await tidy(organization);
    },
    has: (organization) => (known.get(organization)?.size ?? 0) > 0,
    of: (organization) => [...(known.get(organization)?.values() ?? [])].flat().filter(isHidden),
  };
}
