import type { WebhookEndpointView } from '@ezthrottle/core/protocol';
import type { EndpointRecord } from '../ports/records.ts';

/** An endpoint that was disabled at some time, as it is shown to its organization. */
export function endpointView({ endpointId, url, disabled }: EndpointRecord): WebhookEndpointView {
  return {
    endpoint_id: endpointId,
    url,
    enabled: disabled === null,
    disabled_by: disabled?.by ?? null,
    disabled_at: disabled?.at ?? null,
  };
}
