import { API_KEY_SCOPES } from '@ezthrottle/core/protocol';
import type { ApiKeyRecord, Clock, Id, PrivacyReads, TenancyReads } from '@ezthrottle/engine';
import { hashApiKey } from './api-keys.ts';
import { type Commit, commitOrThrow } from './committing.ts';
import { SecretBoxError } from './secret-box.ts';
import type { SecretPair, SigningSecrets } from './signing-secrets.ts';

export interface Provisioned {
  readonly organization: Id;
  /** The primary secret that signs from now on; null when none is stored and none was given. */
  readonly signingSecret: string | null;
  /** The given API key opens nothing: it was rotated since it was first given. */
  readonly isKeyRotated: boolean;
}

/**
 * Sees to it that the first organization exists, that the given API key opens it, and that it has a
 * signing secret. What is stored already stays: keys given earlier go on working, but for the one
 * named as former, and secrets that were set through the API win over the given one.
 */
export async function provision(options: {
  readonly reads: TenancyReads;
  readonly documents: Pick<PrivacyReads, 'documents'>;
  readonly commit: Commit;
  readonly secrets: SigningSecrets;
  readonly clock: Clock;
  readonly newId: () => Id;
  /** It opens again also when it was retired before, but not when it was rotated or revoked. */
  readonly apiKey: string;
  /** Hash of the key that this one replaces and that expires now; null: none. */
  readonly formerKeyHash: string | null;
  readonly signingSecret: string | null;
  /** Give up a stored secret that another master key sealed, and store the given one. */
  readonly replaceUnreadable: boolean;
}): Promise<Provisioned> {
  const { reads, commit, secrets, clock, newId } = options;
  const organization = await firstOrganization(reads, commit, clock, newId);

  const keys = { reads, commit, clock, documents: options.documents };
  const hash = hashApiKey(options.apiKey);
  const isKeyRotated = !(await openKey(keys, { organization, hash, id: newId() }));
  if (options.formerKeyHash !== null && options.formerKeyHash !== hash) {
    await retireKey(keys, options.formerKeyHash);
  }

  const stored = await readOrGiveUp(secrets, organization, options.replaceUnreadable);
  if (stored !== null) return { organization, signingSecret: stored.primary, isKeyRotated };
  if (options.signingSecret !== null) {
    await secrets.put(organization, { primary: options.signingSecret, secondary: null });
  }
  return { organization, signingSecret: options.signingSecret, isKeyRotated };
}

/** The key that the server was told opens nothing any more: somebody revoked it, for a reason. */
class RevokedKeyError extends Error {
  readonly code = 'api_key_revoked';
  override readonly name = 'RevokedKeyError';

  constructor() {
    super('the given API key was revoked: give another one with --api-key');
  }
}

/** Hashes of the keys that the server was started with. */
const GIVEN_KEY = 'given-key';

interface StoredKeys {
  readonly reads: Pick<TenancyReads, 'apiKeyByHash'>;
  readonly documents: Pick<PrivacyReads, 'documents'>;
  readonly commit: Commit;
  readonly clock: Clock;
}

/** False when it was given before and is not known any more: a rotation has taken it away for good. */
async function openKey(
  { reads, documents, commit, clock }: StoredKeys,
  key: { readonly id: Id; readonly organization: Id; readonly hash: string },
): Promise<boolean> {
  const known = await reads.apiKeyByHash(key.hash);
  if (known !== null && known.revokedAt !== null) throw new RevokedKeyError();
  const wasGiven = (await documents.documents()).some(
    ({ kind, name }) => kind === GIVEN_KEY && name === key.hash,
  );
  if (known === null && wasGiven) return false;
  await putKey(commit, known, key, clock.now());
  if (!wasGiven) {
    // After the key: a start that fails in between leaves none that never opens.
    const { organization, hash: name } = key;
    const document = { organization, kind: GIVEN_KEY, name, data: '{}' };
    await commitOrThrow(commit, { type: 'put_document', ...document });
  }
  return known === null || known.hash === key.hash || isInOverlap(known, clock.now());
}

function isInOverlap({ previous }: ApiKeyRecord, now: number): boolean {
  return previous !== null && previous.expiresAt > now;
}

async function putKey(
  commit: Commit,
  known: ApiKeyRecord | null,
  key: { readonly id: Id; readonly organization: Id; readonly hash: string },
  now: number,
): Promise<void> {
  // What it was rotated to goes its own way; so does a key that has no end.
  if (known !== null && (known.expiresAt === null || known.hash !== key.hash)) return;
  const apiKey: ApiKeyRecord = known ?? {
    ...key,
    name: 'first key',
    dialect: 'ezthrottle',
    createdAt: now,
    expiresAt: null,
    scopes: API_KEY_SCOPES,
    hint: null,
    previous: null,
    lastUsedAt: null,
    revokedAt: null,
  };
  await commitOrThrow(commit, { type: 'put_api_key', apiKey: { ...apiKey, expiresAt: null } });
}

async function retireKey(
  { reads, commit, clock }: Omit<StoredKeys, 'documents'>,
  hash: string,
): Promise<void> {
  const found = await reads.apiKeyByHash(hash);
  const apiKey = found?.hash === hash ? found : null;
  const now = clock.now();
  if (apiKey === null || (apiKey.expiresAt !== null && apiKey.expiresAt <= now)) return;
  await commitOrThrow(commit, { type: 'put_api_key', apiKey: { ...apiKey, expiresAt: now } });
}

async function readOrGiveUp(
  secrets: SigningSecrets,
  organization: Id,
  replaceUnreadable: boolean,
): Promise<SecretPair | null> {
  try {
    return await secrets.read(organization);
  } catch (error) {
    if (replaceUnreadable && error instanceof SecretBoxError) return null;
    throw error;
  }
}

async function firstOrganization(
  reads: TenancyReads,
  commit: Commit,
  clock: Clock,
  newId: () => Id,
): Promise<Id> {
  const organizations = await reads.organizations();
  const [first] = organizations.toSorted((a, b) => a.createdAt - b.createdAt);
  if (first !== undefined) return first.id;
  const id = newId();
  await commitOrThrow(commit, {
    type: 'put_organization',
    organization: { id, name: 'default', createdAt: clock.now() },
  });
  return id;
}
