import type { Clock, Id, SealedText, TenancyReads } from '@ezthrottle/engine';
import { type Commit, commitOrThrow } from './committing.ts';
import { sealingContext } from './sealing-context.ts';
import { type SecretBox, SecretBoxError } from './secret-box.ts';

export interface SecretPair {
  readonly primary: string;
  readonly secondary: string | null;
}

/** The secrets that sign an organization's webhooks. A change is written by `by`, where that is given. */
export interface SigningSecrets {
  /** Primary first, then secondary; empty when none is set. */
  secretsOf(organization: Id): Promise<readonly string[]>;
  read(organization: Id): Promise<SecretPair | null>;
  /** Replaces both; writes nothing that is so already. */
  put(organization: Id, pair: SecretPair, by?: Commit): Promise<void>;
  /** The stored primary becomes the secondary, in one step. False when none is stored. */
  rotate(organization: Id, newPrimary: string, by?: Commit): Promise<boolean>;
  delete(organization: Id, by?: Commit): Promise<void>;
  /** Some were changed elsewhere: what is remembered is read again. */
  forgetAll(): void;
}

/**
 * Reads and writes signing secrets; they are sealed before they leave this process's memory. Up to
 * `cacheSize` organizations' secrets are remembered, for at most `cacheMs`, and forgotten on a change.
 */
export function createSigningSecrets(options: {
  readonly reads: Pick<TenancyReads, 'webhookSecrets'>;
  readonly commit: Commit;
  readonly box: SecretBox;
  readonly clock: Clock;
  /** Default 10 000. */
  readonly cacheSize?: number;
  /** Milliseconds; default 30 000. */
  readonly cacheMs?: number;
}): SigningSecrets {
  const { reads, commit, box, clock, cacheSize = 10_000, cacheMs = 30_000 } = options;
  const remembered = new Map<Id, { readonly pair: SecretPair | null; readonly until: number }>();
  // A read that began before a change must not be remembered after it.
  let changes = 0;

  const seal = (organization: Id, secret: string): SealedText =>
    box.seal(secret, contextOf(organization));

  async function readStored(organization: Id): Promise<SecretPair | null> {
    const record = await reads.webhookSecrets(organization);
    if (record === null) return null;
    const opened = (sealed: SealedText): string => box.open(sealed, contextOf(organization));
    return {
      primary: opened(record.primary),
      secondary: record.secondary === null ? null : opened(record.secondary),
    };
  }

  async function read(organization: Id): Promise<SecretPair | null> {
    const cached = remembered.get(organization);
    if (cached !== undefined && cached.until > clock.monotonic()) return cached.pair;
    const changesBefore = changes;
    const pair = await readStored(organization);
    if (changesBefore === changes) {
      remembered.delete(organization);
      const oldest = remembered.size >= cacheSize ? remembered.keys().next() : undefined;
      if (oldest?.done === false) remembered.delete(oldest.value);
      remembered.set(organization, { pair, until: clock.monotonic() + cacheMs });
    }
    return pair;
  }

  async function changing<T>(organization: Id, change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } finally {
      changes += 1;
      remembered.delete(organization);
    }
  }

  async function isStored(organization: Id, { primary, secondary }: SecretPair): Promise<boolean> {
    try {
      // Not what is remembered: another node may have changed it just now.
      const stored = await readStored(organization);
      return stored !== null && stored.primary === primary && stored.secondary === secondary;
    } catch (error) {
      // What cannot be opened any more is replaced.
      if (error instanceof SecretBoxError) return false;
      throw error;
    }
  }

  return {
    read,
    async secretsOf(organization) {
      const pair = await read(organization);
      if (pair === null) return [];
      return pair.secondary === null ? [pair.primary] : [pair.primary, pair.secondary];
    },
    put: (organization, pair, by = commit) =>
      changing(organization, async () => {
        if (await isStored(organization, pair)) return;
        await commitOrThrow(by, {
          type: 'put_webhook_secrets',
          secrets: {
            organization,
            primary: seal(organization, pair.primary),
            secondary: pair.secondary === null ? null : seal(organization, pair.secondary),
            updatedAt: clock.now(),
          },
        });
      }),
    rotate: (organization, newPrimary, by = commit) =>
      changing(organization, async () => {
        const verdict = await by({
          type: 'rotate_webhook_secrets',
          organization,
          primary: seal(organization, newPrimary),
          at: clock.now(),
        });
        return verdict.verdict === 'ok';
      }),
    delete: (organization, by = commit) =>
      changing(organization, async () => {
        if ((await reads.webhookSecrets(organization)) === null) return;
        await by({ type: 'delete_webhook_secrets', organization });
      }),
    forgetAll() {
      changes += 1;
      remembered.clear();
    },
  };
}

function contextOf(organization: Id): string {
  return sealingContext({ kind: 'webhook_primary', organization, name: '' });
}
