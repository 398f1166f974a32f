import { endpointView } from '@ezthrottle/engine';
import type { Endpoints } from '../deliver/endpoints.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { actingOf } from './acting.ts';
import { ApiError } from './api-error.ts';
import type { Route } from './route.ts';

const PATH = '/webhook-endpoints';

/** Endpoints that were disabled, by a 410 or by their owner, and the way back. */
export function webhookEndpointRoutes(endpoints: Endpoints, audit: AuditLog): readonly Route[] {
  const change = (name: 'enable' | 'disable', isEnabled: boolean): Route => ({
    method: 'POST',
    path: `${PATH}/:id/${name}`,
    access: 'manage',
    async handle(call, caller) {
      const id = call.params['id'] ?? '';
      const act = { action: `endpoint.${name}`, target: id } as const;
      const by = audit.committing(actingOf(call, caller), act);
      const changed = await endpoints.setEnabled(caller.organization, id, isEnabled, by);
      if (changed === null) {
        throw new ApiError('not_found', 'no endpoint of this id was ever disabled');
      }
      return { status: 200, body: endpointView(changed) };
    },
  });
  return [
    {
      method: 'GET',
      path: PATH,
      access: 'read',
      async handle(_call, { organization }) {
        const found = await endpoints.list(organization);
        return { status: 200, body: { endpoints: found.map(endpointView) } };
      },
    },
    change('enable', true),
    change('disable', false),
  ];
}
