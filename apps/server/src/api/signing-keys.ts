import type { SigningKeysView } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';
import type { SigningKeys } from '../tenancy/signing-keys.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Caller } from '../tenancy/api-keys.ts';
import type { Commit } from '../tenancy/committing.ts';
import { actingOf } from './acting.ts';
import { ApiError } from './api-error.ts';
import type { Call, Route } from './route.ts';

const PATH = '/webhook-secrets/signing-keys';

/** The organization's ed25519 keys: only their public halves are ever shown. */
export function signingKeyRoutes(keys: SigningKeys, audit: AuditLog): readonly Route[] {
  const by = (call: Call, caller: Caller, verb: string): Commit =>
    audit.committing(actingOf(call, caller), { action: `signing_keys.${verb}` });

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
      async handle(call, caller) {
        const { organization } = caller;
        if (await keys.create(organization, by(call, caller, 'create'))) {
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
      async handle(call, caller) {
        const isRotated = await keys.rotate(caller.organization, by(call, caller, 'rotate'));
        if (!isRotated) throw noneStored();
        return { status: 200, body: await viewOf(caller.organization) };
      },
    },
    {
      method: 'DELETE',
      path: PATH,
      access: 'manage',
      async handle(call, caller) {
        await keys.delete(caller.organization, by(call, caller, 'delete'));
        return { status: 200, body: { status: 'ok', message: 'Signing keys deleted' } };
      },
    },
  ];
}

function noneStored(): ApiError {
  return new ApiError('not_found', 'no signing keys are stored');
}
