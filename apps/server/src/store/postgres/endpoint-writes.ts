import type { PutEndpointOperation, Verdict } from '@ezthrottle/engine';
import { DISABLED_BY_CODES } from '../rows/codes.ts';
import type { WriteScope } from './write-scope.ts';

const PUT_ENDPOINT = `UPDATE {webhook_endpoints} SET disabled_by = $1, disabled_at = $2
  WHERE organization = $3 AND endpoint_id = $4`;

/** Enables or disables an endpoint that was disabled before. */
export async function putEndpoint(
  { transaction, interned }: WriteScope,
  { organization, endpointId, disabled }: PutEndpointOperation,
): Promise<Verdict> {
  const owner = await interned.findOrganization(organization);
  if (owner === null) return { verdict: 'gone' };
  const by = disabled === null ? null : DISABLED_BY_CODES.codeOf(disabled.by);
  const values = [by, disabled?.at ?? null, owner, endpointId];
  const count = await transaction.run(PUT_ENDPOINT, values);
  return { verdict: count === 0 ? 'gone' : 'ok' };
}
