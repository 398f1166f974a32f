import type { Operation, SealedRecord, TenancyReads, Verdict } from '@ezthrottle/engine';
import { sealingContext } from './sealing-context.ts';
import { type SecretBox, SecretBoxError } from './secret-box.ts';

/** What was sealed anew, and what could not be. */
export interface ReEncryption {
  /** The master key that everything that could be opened is sealed with now. */
  readonly keyId: string;
  readonly resealed: number;
  /** How many secrets each other key still has to open; those that are not named have none. */
  readonly left: ReadonlyMap<string, number>;
}

const ROWS_PER_WRITE = 100;

/**
 * Seals everything that is stored anew, under the box's newest key. What a former key has sealed is done
 * in small writes, so it may be broken off at any time: the next one goes on with what is left. What
 * none of the keys opens stays as it is.
 */
export async function reEncrypt(options: {
  readonly reads: Pick<TenancyReads, 'sealedByOthers'>;
  readonly commit: (batch: readonly Operation[]) => Promise<readonly Verdict[]>;
  readonly box: SecretBox;
}): Promise<ReEncryption> {
  const { reads, commit, box } = options;
  let resealed = 0;
  let unreadable: readonly SealedRecord[] = [];
  for (;;) {
    // Those that cannot be opened come again each time: they must not hide the others.
    const rows = await reads.sealedByOthers(box.keyId, ROWS_PER_WRITE + unreadable.length);
    const tried = rows.map((row) => ({ row, operation: reseal(box, row) }));
    const operations = tried.flatMap(({ operation }) => operation ?? []);
    unreadable = tried.filter(({ operation }) => operation === null).map(({ row }) => row);
    if (operations.length === 0) return { keyId: box.keyId, resealed, left: countsOf(unreadable) };
    const verdicts = await commit(operations);
    resealed += verdicts.filter(({ verdict }) => verdict === 'ok').length;
  }
}

function reseal(box: SecretBox, { sealed: was, ...place }: SealedRecord): Operation | null {
  const context = sealingContext(place);
  try {
    const sealed = box.seal(box.open(was, context), context);
    return { type: 'reseal', place, was, sealed };
  } catch (error) {
    if (error instanceof SecretBoxError) return null;
    throw error;
  }
}

function countsOf(records: readonly SealedRecord[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { sealed } of records) counts.set(sealed.keyId, (counts.get(sealed.keyId) ?? 0) + 1);
  return counts;
}
