import { endpointView, type Id } from '@ezthrottle/engine';
import type { MemoryStore } from '../store/memory-store.ts';
import type { ApiAnswer, ApiRoute } from './api-call.ts';
import { ApiRefusal } from './api-refusal.ts';

export interface EndpointRouteParts {
  readonly store: MemoryStore;
  readonly organization: Id;
  readonly now: () => number;
}

/** Endpoints that one answer lists. */
const LISTED = 1_000;

/** `/api/v1/webhook-endpoints`, with the statuses and bodies of the server. */
export function endpointRoutes(parts: EndpointRouteParts): readonly ApiRoute[] {
  const { store, organization } = parts;
  const change = (name: string, isEnabled: boolean): ApiRoute => ({
    method: 'POST',
    path: new RegExp(`^/webhook-endpoints/([^/]+)/${name}/?$`),
    handle: ({ params }) => setEnabled(parts, params[0] ?? '', isEnabled),
  });
  return [
    {
      method: 'GET',
      path: /^\/webhook-endpoints\/?$/,
      async handle() {
        const found = await store.deliveries.endpoints(organization, LISTED);
        return { status: 200, body: { endpoints: found.map(endpointView) } };
      },
    },
    change('enable', true),
    change('disable', false),
  ];
}

async function setEnabled(
  { store, organization, now }: EndpointRouteParts,
  endpointId: string,
  isEnabled: boolean,
): Promise<ApiAnswer> {
  const [known] = await store.deliveries.endpoints(organization, 1, endpointId);
  if (known === undefined) {
    throw new ApiRefusal('not_found', 'no endpoint of this id was ever disabled');
  }
  if ((known.disabled === null) === isEnabled) return { status: 200, body: endpointView(known) };
  const disabled = isEnabled ? null : ({ by: 'owner', at: now() } as const);
  store.commitNow({ type: 'put_endpoint', organization, endpointId, disabled });
  return { status: 200, body: endpointView({ ...known, disabled }) };
}
