import { isObject } from '../http/json.ts';
import type { Transport } from '../http/transport.ts';
import type { WebhookEndpointView } from '../protocol/webhook-endpoint.ts';
import { callLimits, type CallOptions } from './call-options.ts';
import { checkedAnswer, unexpectedAnswer } from './checked-answer.ts';

const PATH = '/api/v1/webhook-endpoints';

/** `client.webhookEndpoints`: endpoints that get nothing any more, and the way back. */
export class WebhookEndpoints {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Endpoints that were disabled at some time, those that still are first. */
  async list(options: CallOptions = {}): Promise<readonly WebhookEndpointView[]> {
    const call = { method: 'GET', path: PATH, ...callLimits(options) } as const;
    const answer = await this.#transport.send(call);
    const { endpoints } = isObject(answer) ? answer : {};
    if (!Array.isArray(endpoints)) throw unexpectedAnswer('a list of endpoints');
    return endpoints.map((endpoint) =>
      checkedAnswer<WebhookEndpointView>(endpoint, 'an endpoint', ['endpoint_id']),
    );
  }

  /** Delivers there again. Throws `NotFoundError` when no endpoint of this id was ever disabled. */
  enable(endpointId: string, options: CallOptions = {}): Promise<WebhookEndpointView> {
    return this.#change(endpointId, 'enable', options);
  }

  /** Deliveries there end as dead from now on. */
  disable(endpointId: string, options: CallOptions = {}): Promise<WebhookEndpointView> {
    return this.#change(endpointId, 'disable', options);
  }

  async #change(
    endpointId: string,
    change: 'enable' | 'disable',
    options: CallOptions,
  ): Promise<WebhookEndpointView> {
    const path = `${PATH}/${encodeURIComponent(endpointId)}/${change}`;
    const answer = await this.#transport.send({ method: 'POST', path, ...callLimits(options) });
    return checkedAnswer<WebhookEndpointView>(answer, 'an endpoint', ['endpoint_id']);
  }
}
