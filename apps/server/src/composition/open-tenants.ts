import type { Clock, Id, Store } from '@ezthrottle/engine';
import type { AppOptions } from '../app.ts';
import type { createLogger } from '../observe/logger.ts';
import { createPrivacySettings, type PrivacySettings } from '../privacy/privacy-settings.ts';
import { createFormerSecrets } from '../secrets/former-secrets.ts';
import { createSecretVault, type SecretVault } from '../secrets/secret-vault.ts';
import type { Commit } from '../tenancy/committing.ts';
import { provision } from '../tenancy/provision.ts';
import { createSecretBox, type SecretBox } from '../tenancy/secret-box.ts';
import { createSigningKeys, type SigningKeys } from '../tenancy/signing-keys.ts';
import { createSigningSecrets, type SigningSecrets } from '../tenancy/signing-secrets.ts';
import type { Cluster } from './open-cluster.ts';

export interface TenantParts {
  readonly tenancy: {
    readonly reads: Store['tenancy'];
    readonly commit: Commit;
    readonly clock: Clock;
  };
  readonly store: Pick<Store, 'privacy'>;
  readonly newId: () => Id;
  readonly logger: ReturnType<typeof createLogger>;
  readonly cluster: Pick<Cluster, 'alone'> | null;
}

/** What is kept of and for organizations: their secrets, what they want removed, what signs for them. */
export interface Tenants {
  readonly box: SecretBox;
  readonly vault: SecretVault;
  readonly privacy: PrivacySettings;
  readonly secrets: SigningSecrets;
  readonly signingKeys: SigningKeys;
  /** The secret that signs webhooks; null when there is none. */
  readonly signingSecret: string | null;
}

/** Reads it, and sees to it that there is an organization that the given key opens. */
export async function openTenants(
  { config, keys, replaceUnreadableSecrets }: AppOptions,
  { tenancy, store, newId, logger, cluster }: TenantParts,
): Promise<Tenants> {
  const box = createSecretBox(keys.masterKey, config.formerMasterKeys);
  const { maxBodyBytes, maxResponseBytes } = config;
  const former = createFormerSecrets({ ...tenancy, reads: store.privacy });
  const vault = createSecretVault({ ...tenancy, box, maxBodyBytes, former });
  await vault.load();
  const { commit } = tenancy;
  const privacy = createPrivacySettings({ reads: store.privacy, commit, maxResponseBytes });
  await privacy.load();
  const secrets = createSigningSecrets({ ...tenancy, box });
  const signingKeys = createSigningKeys({ ...tenancy, box });
  const provisioning = (): ReturnType<typeof provision> =>
    provision({
      ...tenancy,
      documents: store.privacy,
      secrets,
      newId,
      apiKey: keys.apiKey,
      formerKeyHash: keys.formerKeyHash ?? null,
      signingSecret: keys.signingSecret,
      replaceUnreadable: replaceUnreadableSecrets ?? false,
    });
  // Nodes that start together on an empty database make one organization, not several.
  const { signingSecret, isKeyRotated } = await (cluster?.alone(provisioning) ?? provisioning());
  if (isKeyRotated)
    logger.warn(
      { event: 'given_api_key_rotated' },
      'the given API key was rotated and opens nothing: give the new one with --api-key',
    );
  if (signingSecret === null)
    logger.warn(
      { event: 'no_signing_secret' },
      'no signing secret is set: webhooks go out unsigned',
    );
  return { box, vault, privacy, secrets, signingKeys, signingSecret };
}
