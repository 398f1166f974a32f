import { describe, expect, it } from 'vitest';
import type {
  ApiKeyRecord,
  SealedText,
  SecretRecord,
  WebhookSecretsRecord,
} from '@ezthrottle/engine';
import {
  API_KEY,
  ORGANIZATION,
  OTHER_API_KEY,
  OTHER_ORGANIZATION,
  T0,
  nextId,
} from './builders.ts';
import { commitOne, onStore, type OpenStore } from './harness.ts';

function sealed(name: string): SealedText {
  return {
    keyId: `key of ${name}`,
    nonce: 'AAEC',
    ciphertext: Buffer.from(name).toString('base64'),
  };
}

function alphabetically(one: string, other: string): number {
  return one.localeCompare(other);
}

const SECRETS: WebhookSecretsRecord = {
  organization: ORGANIZATION.id,
  primary: sealed('one'),
  secondary: null,
  updatedAt: T0,
};

export function tenancyPromises(open: OpenStore): void {
  describe('organizations and keys', () => {
    it(
      'are found again, a key by its hash alone',
      onStore(open, async ({ store }) => {
        expect(await store.tenancy.organizations()).toEqual([ORGANIZATION, OTHER_ORGANIZATION]);
        expect(await store.tenancy.apiKeyByHash(API_KEY.hash)).toEqual(API_KEY);
        expect(await store.tenancy.apiKeyByHash(OTHER_API_KEY.hash)).toEqual(OTHER_API_KEY);
        expect(await store.tenancy.apiKeyByHash('c'.repeat(64))).toBeNull();
      }),
    );

    it(
      'put again replace what they were',
      onStore(open, async ({ store }) => {
        const organization = { ...ORGANIZATION, name: 'Acme Ltd' };
        const apiKey = { ...API_KEY, name: 'renamed', expiresAt: T0 + 5, hash: 'd'.repeat(64) };
        await store.commit([
          { type: 'put_organization', organization },
          { type: 'put_api_key', apiKey },
        ]);
        expect(await store.tenancy.organizations()).toEqual([organization, OTHER_ORGANIZATION]);
        expect(await store.tenancy.apiKeyByHash(apiKey.hash)).toEqual(apiKey);
        expect(await store.tenancy.apiKeyByHash(API_KEY.hash)).toBeNull();
      }),
    );

    it(
      'refuse a key of no organization, of two, or with a hash that is taken',
      onStore(open, async ({ store }) => {
        for (const apiKey of [
          { ...API_KEY, id: nextId(), organization: nextId(), hash: 'e'.repeat(64) },
          { ...API_KEY, organization: OTHER_ORGANIZATION.id },
          { ...API_KEY, id: nextId() },
        ]) {
          const verdict = await commitOne(store, { type: 'put_api_key', apiKey });
          expect(verdict.verdict).toBe('rejected');
        }
        expect(await store.tenancy.apiKeyByHash(API_KEY.hash)).toEqual(API_KEY);
      }),
    );
  });

  describe('API keys', () => {
    it(
      'are found by what they were before their rotation as well, and replaced by whoever knew them',
      onStore(open, async ({ store, reopen }) => {
        const rotated = {
          ...API_KEY,
          hash: 'd'.repeat(64),
          hint: 'ezt_12345678',
          previous: { hash: API_KEY.hash, expiresAt: T0 + 9 },
        };
        const put = (apiKey: ApiKeyRecord, replaces: string) =>
          commitOne(store, { type: 'put_api_key', apiKey, replaces });
        expect(await put(rotated, 'f'.repeat(64))).toEqual({ verdict: 'stale' });
        expect(await put(rotated, API_KEY.hash)).toEqual({ verdict: 'ok' });
        expect(await put(rotated, API_KEY.hash)).toEqual({ verdict: 'stale' });
        const thief = { ...OTHER_API_KEY, hash: API_KEY.hash };
        expect(await put(thief, OTHER_API_KEY.hash)).toMatchObject({ verdict: 'rejected' });
        const later = await reopen();
        expect(await later.tenancy.apiKeyByHash(API_KEY.hash)).toEqual(rotated);
        expect(await later.tenancy.apiKeyByHash(rotated.hash)).toEqual(rotated);
        expect(await later.tenancy.apiKey(ORGANIZATION.id, API_KEY.id)).toEqual(rotated);
        expect(await later.tenancy.apiKey(OTHER_ORGANIZATION.id, API_KEY.id)).toBeNull();
      }),
    );

    it(
      'are listed newest first, the revoked last, and keep their last use through every put',
      onStore(open, async ({ store }) => {
        const second = { ...API_KEY, id: nextId(), hash: 'e'.repeat(64), name: 'second' };
        const revoked = { ...second, id: nextId(), hash: 'f'.repeat(64), revokedAt: T0 + 1 };
        await store.commit([
          { type: 'put_api_key', apiKey: second },
          { type: 'put_api_key', apiKey: revoked },
        ]);
        const touch = (at: number) =>
          commitOne(store, {
            type: 'touch_api_keys',
            rows: [
              { id: second.id, at },
              { id: nextId(), at },
            ],
          });
        expect(await touch(T0 + 5)).toEqual({ verdict: 'ok', count: 1 });
        expect(await touch(T0 + 4)).toEqual({ verdict: 'ok', count: 0 });
        await commitOne(store, { type: 'put_api_key', apiKey: second });
        const used = { ...second, lastUsedAt: T0 + 5 };
        expect(await store.tenancy.apiKeys(ORGANIZATION.id, 9)).toEqual([used, API_KEY, revoked]);
        expect(await store.tenancy.apiKeys(ORGANIZATION.id, 1)).toEqual([used]);
      }),
    );
  });

  describe('secrets that jobs refer to', () => {
    const organization = ORGANIZATION.id;
    const secret = (name: string, more: Partial<SecretRecord> = {}): SecretRecord => ({
      organization,
      name,
      value: sealed(name),
      origins: ['https://api.example.com'],
      createdAt: T0,
      updatedAt: T0,
      ...more,
    });

    it(
      'are put, replaced, and deleted by their name in one organization',
      onStore(open, async ({ store, reopen }) => {
        const later = { value: sealed('newer'), createdAt: T0 + 9, updatedAt: T0 + 9 };
        const foreign = secret('A', { organization: OTHER_ORGANIZATION.id, origins: ['*'] });
        await store.commit([
          { type: 'put_secret', secret: secret('A') },
          { type: 'put_secret', secret: secret('B') },
          { type: 'put_secret', secret: foreign },
          { type: 'put_secret', secret: secret('A', later) },
        ]);
        const drop = { type: 'delete_secret', organization, name: 'B' } as const;
        expect(await commitOne(store, drop)).toEqual({ verdict: 'ok' });
        expect(await commitOne(store, drop)).toEqual({ verdict: 'gone' });
        const nobody = secret('A', { organization: nextId() });
        const reopened = await reopen();
        const stored = await reopened.tenancy.secrets();
        expect(stored).toHaveLength(2);
        expect(stored).toEqual(
          expect.arrayContaining([secret('A', { ...later, createdAt: T0 }), foreign]),
        );
        expect(await commitOne(reopened, { type: 'put_secret', secret: nobody })).toMatchObject({
          verdict: 'rejected',
        });
      }),
    );

    it(
      'are sealed anew with all that is sealed, each only as it was read',
      onStore(open, async ({ store }) => {
        const secondary = sealed('second');
        await store.commit([
          { type: 'put_secret', secret: secret('A') },
          { type: 'put_webhook_secrets', secrets: { ...SECRETS, secondary } },
          {
            type: 'put_signing_key',
            organization,
            key: { publicKey: 'whpk_one', seed: sealed('seed'), createdAt: T0 },
            isRotation: false,
          },
        ]);
        const others = () => store.tenancy.sealedByOthers('new', 99);
        const found = await others();
        expect(found.map(({ kind, name }) => `${kind} ${name}`).toSorted(alphabetically)).toEqual([
          'secret A',
          'signing_key whpk_one',
          'webhook_primary ',
          'webhook_secondary ',
        ]);
        expect(await store.tenancy.sealedByOthers('new', 1)).toHaveLength(1);
        for (const { sealed: was, ...place } of found) {
          const anew = { keyId: 'new', nonce: 'AAEC', ciphertext: `${was.ciphertext}new` };
          const reseal = { type: 'reseal', place, was, sealed: anew } as const;
          expect(await commitOne(store, reseal)).toEqual({ verdict: 'ok' });
          expect(await commitOne(store, reseal)).toEqual({ verdict: 'stale' });
        }
        expect(await others()).toEqual([]);
        expect(await store.tenancy.sealedByOthers('old', 99)).toHaveLength(4);
      }),
    );
  });

  describe('webhook secrets', () => {
    it(
      'are put, rotated so that the old one stays beside the new, and deleted',
      onStore(open, async ({ store }) => {
        const read = () => store.tenancy.webhookSecrets(ORGANIZATION.id);
        expect(await read()).toBeNull();
        await commitOne(store, { type: 'put_webhook_secrets', secrets: SECRETS });
        expect(await read()).toEqual(SECRETS);

        const rotate = (name: string, at: number) =>
          commitOne(store, {
            type: 'rotate_webhook_secrets',
            organization: ORGANIZATION.id,
            primary: sealed(name),
            at,
          });
        expect(await rotate('two', T0 + 1)).toEqual({ verdict: 'ok' });
        expect(await rotate('three', T0 + 2)).toEqual({ verdict: 'ok' });
        expect(await read()).toEqual({
          ...SECRETS,
          primary: sealed('three'),
          secondary: sealed('two'),
          updatedAt: T0 + 2,
        });
        expect(await store.tenancy.webhookSecrets(OTHER_ORGANIZATION.id)).toBeNull();

        await commitOne(store, { type: 'put_webhook_secrets', secrets: SECRETS });
        expect(await read()).toEqual(SECRETS);
        const drop = { type: 'delete_webhook_secrets', organization: ORGANIZATION.id } as const;
        expect(await commitOne(store, drop)).toMatchObject({ verdict: 'ok' });
        expect(await commitOne(store, drop)).toMatchObject({ verdict: 'ok' });
        expect(await read()).toBeNull();
        expect(await rotate('four', T0 + 3)).toEqual({ verdict: 'gone' });
      }),
    );

    it(
      'cannot be put or rotated for an organization that is not known',
      onStore(open, async ({ store }) => {
        const organization = nextId();
        const verdicts = await store.commit([
          { type: 'put_webhook_secrets', secrets: { ...SECRETS, organization } },
          { type: 'rotate_webhook_secrets', organization, primary: sealed('x'), at: T0 },
        ]);
        expect(verdicts.map((verdict) => verdict.verdict)).toEqual(['rejected', 'gone']);
      }),
    );
  });

  describe('signing keys', () => {
    const organization = ORGANIZATION.id;
    const put = (name: string, isRotation: boolean) =>
      ({
        type: 'put_signing_key',
        organization,
        key: { publicKey: `whpk_${name}`, seed: sealed(name), createdAt: T0 },
        isRotation,
      }) as const;

    it(
      'begin with one, and keep the one before the newest',
      onStore(open, async ({ store, reopen }) => {
        expect(await commitOne(store, put('one', true))).toEqual({ verdict: 'gone' });
        expect(await commitOne(store, put('one', false))).toEqual({ verdict: 'ok' });
        expect(await commitOne(store, put('two', false))).toEqual({ verdict: 'stale' });
        await commitOne(store, put('two', true));
        await commitOne(store, put('three', true));
        const later = await reopen();
        expect(await later.tenancy.signingKeys(organization)).toEqual([
          { publicKey: 'whpk_three', seed: sealed('three'), createdAt: T0 },
          { publicKey: 'whpk_two', seed: sealed('two'), createdAt: T0 },
        ]);
        expect(await later.tenancy.signingKeys(OTHER_ORGANIZATION.id)).toEqual([]);
        await commitOne(later, { type: 'delete_signing_keys', organization });
        expect(await later.tenancy.signingKeys(organization)).toEqual([]);
      }),
    );
  });
}
