import { generateKeyPairSync } from 'node:crypto';
import type { Clock, Id, SigningKeyRecord, TenancyReads } from '@ezthrottle/engine';
import type { Commit } from './committing.ts';
import { sealingContext } from './sealing-context.ts';
import type { SecretBox } from './secret-box.ts';

/** The ed25519 keys that sign webhooks beside the secrets. A change is written by `by`, where that is given. */
export interface SigningKeys {
  /** Seeds behind `whsk_`, the newest first; empty when there are none. */
  seedsOf(organization: Id): Promise<readonly string[]>;
  /** Public keys behind `whpk_`, the newest first. */
  publicKeys(organization: Id): Promise<readonly string[]>;
  /** Makes the first one. False when there is one already. */
  create(organization: Id, by?: Commit): Promise<boolean>;
  /** Makes a new one; the one before signs on beside it. False when there is none. */
  rotate(organization: Id, by?: Commit): Promise<boolean>;
  delete(organization: Id, by?: Commit): Promise<void>;
  /** Some were changed elsewhere: what is remembered is read again. */
  forgetAll(): void;
}

/** Seeds are sealed before they leave this process's memory, and remembered for `cacheMs`. */
export function createSigningKeys(options: {
  readonly reads: Pick<TenancyReads, 'signingKeys'>;
  readonly commit: Commit;
  readonly box: SecretBox;
  readonly clock: Clock;
  /** Default 10 000. */
  readonly cacheSize?: number;
  /** Milliseconds; default 30 000. */
  readonly cacheMs?: number;
}): SigningKeys {
  const { reads, commit, box, clock, cacheSize = 10_000, cacheMs = 30_000 } = options;
  const remembered = new Map<Id, { readonly seeds: readonly string[]; readonly until: number }>();
  // A read that began before a change must not be remembered after it.
  let changes = 0;

  function changed(organization: Id): void {
    changes += 1;
    remembered.delete(organization);
  }

  async function add(organization: Id, isRotation: boolean, by: Commit): Promise<boolean> {
    const key = newKey(organization, box, clock.now());
    const verdict = await by({ type: 'put_signing_key', organization, key, isRotation });
    changed(organization);
    return verdict.verdict === 'ok';
  }

  return {
    async seedsOf(organization) {
      const known = remembered.get(organization);
      if (known !== undefined && known.until > clock.monotonic()) return known.seeds;
      const changesBefore = changes;
      const records = await reads.signingKeys(organization);
      const seeds = records.map(({ seed }) => box.open(seed, contextOf(organization)));
      if (remembered.size >= cacheSize) remembered.clear();
      if (changesBefore === changes)
        remembered.set(organization, { seeds, until: clock.monotonic() + cacheMs });
      return seeds;
    },
    async publicKeys(organization) {
      return (await reads.signingKeys(organization)).map(({ publicKey }) => publicKey);
    },
    create: (organization, by = commit) => add(organization, false, by),
    rotate: (organization, by = commit) => add(organization, true, by),
    async delete(organization, by = commit) {
      if ((await reads.signingKeys(organization)).length === 0) return;
      await by({ type: 'delete_signing_keys', organization });
      changed(organization);
    },
    forgetAll() {
      changes += 1;
      remembered.clear();
    },
  };
}

function newKey(organization: Id, box: SecretBox, createdAt: number): SigningKeyRecord {
  const { d: seed = '', x: publicKey = '' } = generateKeyPairSync('ed25519').privateKey.export({
    format: 'jwk',
  });
  return {
    publicKey: `whpk_${standardBase64(publicKey)}`,
    seed: box.seal(`whsk_${standardBase64(seed)}`, contextOf(organization)),
    createdAt,
  };
}

function standardBase64(text: string): string {
  return Buffer.from(text, 'base64url').toString('base64');
}

function contextOf(organization: Id): string {
  return sealingContext({ kind: 'signing_key', organization, name: '' });
}
