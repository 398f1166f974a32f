import type { Id } from '@ezthrottle/engine';
import { ed25519 } from '@noble/curves/ed25519.js';
import type { MemoryStore } from '../store/memory-store.ts';
import type { ApiAnswer, ApiRoute } from './api-call.ts';
import { ApiRefusal } from './api-refusal.ts';
import { sealSecret } from './secret-routes.ts';

export interface SigningKeyRouteParts {
  readonly store: MemoryStore;
  readonly organization: Id;
  readonly now: () => number;
  /** From 0 up to 1: keys of tests are no secret, and the same for the same seed. */
  readonly random: () => number;
}

const SEED_BYTES = 32;

/** `/api/v1/webhook-secrets/signing-keys`, with the statuses and bodies of the server. */
export function signingKeyRoutes(parts: SigningKeyRouteParts): readonly ApiRoute[] {
  const path = /^\/webhook-secrets\/signing-keys\/?$/;
  return [
    {
      method: 'POST',
      path,
      handle() {
        if (add(parts, false)) return shown(parts, 201);
        throw new ApiRefusal('conflict', 'there is a signing key already: rotate or delete it');
      },
    },
    { method: 'GET', path, handle: () => shown(parts, 200) },
    {
      method: 'POST',
      path: /^\/webhook-secrets\/signing-keys\/rotate\/?$/,
      handle() {
        if (!add(parts, true)) throw noneStored();
        return shown(parts, 200);
      },
    },
    {
      method: 'DELETE',
      path,
      handle() {
        const { store, organization } = parts;
        store.commitNow({ type: 'delete_signing_keys', organization });
        return { status: 200, body: { status: 'ok', message: 'Signing keys deleted' } };
      },
    },
  ];
}

function add(
  { store, organization, now, random }: SigningKeyRouteParts,
  isRotation: boolean,
): boolean {
  const seed = Uint8Array.from({ length: SEED_BYTES }, () => Math.floor(random() * 256));
  const key = {
    publicKey: `whpk_${base64(ed25519.getPublicKey(seed))}`,
    seed: sealSecret(`whsk_${base64(seed)}`),
    createdAt: now(),
  };
  const operation = { type: 'put_signing_key', organization, key, isRotation } as const;
  return store.commitNow(operation).verdict === 'ok';
}

function shown({ store, organization }: SigningKeyRouteParts, status: number): ApiAnswer {
  const [current, previous] = store.tenancy.keysOf(organization);
  if (current === undefined) throw noneStored();
  const body = {
    public_key: current.publicKey,
    previous_public_key: previous?.publicKey ?? null,
  };
  return { status, body };
}

function noneStored(): ApiRefusal {
  return new ApiRefusal('not_found', 'no signing keys are stored');
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
