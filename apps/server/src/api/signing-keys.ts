import type { SigningKeysView } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';
import type { SigningKeys } from '../tenancy/signing-keys.ts';
import { ApiError } from './api-error.ts';
import type { Route } from './route.ts';

const PATH = '/webhook-secrets/signing-keys';

/** The organization's ed25519 keys: only their public halves are ever shown. */
export function signingKeyRoutes(keys: SigningKeys): readonly Route[] {
  async function viewOf(organization: Id): Promise<SigningKeysView> {
    const [publicKey, previous] = await keys.publicKeys(organization);
    if (publicKey === undefined) throw noneStored();
    return { public_key: publicKey, previous_public_key: previous ?? null };
  }
  return [
    {
      method: 'POST',
      path: PATH,
      access: 'manage',
      async handle(_call, { organization }) {
        if (await keys.create(organization)) {
          return { status: 201, body: await viewOf(organization) };
        }
        throw new ApiError('conflict', 'there is a signing key already: rotate or delete it');
      },
    },
    {
      method: 'GET',
      path: PATH,
      access: 'read',
      handle: async (_call, { organization }) => ({
        status: 200,
        body: await viewOf(organization),
      }),
    },
    {
      method: 'POST',
      path: `${PATH}/rotate`,
      access: 'manage',
      async handle(_call, { organization }) {
        if (!(await keys.rotate(organization))) throw noneStored();
        return { status: 200, body: await viewOf(organization) };
      },
    },
    {
      method: 'DELETE',
      path: PATH,
      access: 'manage',
      async handle(_call, { organization }) {
        await keys.delete(organization);
        return { status: 200, body: { status: 'ok', message: 'Signing keys deleted' } };
      },
    },
  ];
}

function noneStored(): ApiError {
  return new ApiError('not_found', 'no signing keys are stored');
}
