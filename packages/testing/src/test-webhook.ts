import type { Delivery } from '@ezthrottle/core/webhooks';
import { decodeDelivery } from '@ezthrottle/core/webhooks';
import type { Receiver } from '@ezthrottle/core/webhooks';
import type { Network } from './network/network.ts';
import type { ReceivedCall } from './network/received-call.ts';
import type { Script, ScriptResult } from './network/script.ts';
import type { Upstream } from './network/scripted-target.ts';

/** Gets each delivery; what it returns is the answer (nothing: 200). */
export type WebhookHandler = (
  delivery: Delivery,
  call: ReceivedCall,
) => ScriptResult | Promise<ScriptResult>;

/** A receiver, a handler, or answers without either. */
export type WebhookTarget =
  | Pick<Receiver, 'handle'>
  | WebhookHandler
  | Exclude<Script, (...args: never) => unknown>;

export interface WebhookOptions {
  /**
   * The clock by which deliveries are signed: the `system`'s, by which receivers judge them, or the
   * `virtual` one, for a receiver with `now: () => server.clock.now()`. Default `system`.
   */
  readonly signedBy?: 'system' | 'virtual';
}

/** An endpoint that receives results. */
export interface TestWebhook extends Pick<Upstream, 'calls' | 'remove'> {
  /** What came, in the order of arrival; attempts that were refused are in it, too. */
  readonly deliveries: readonly Delivery[];
}

export function addWebhook(
  network: Network,
  url: string,
  target: WebhookTarget,
  { signedBy = 'system' }: WebhookOptions,
): TestWebhook {
  const upstream = network.add(url, scriptOf(target), signedBy);
  return {
    calls: upstream.calls,
    remove: () => upstream.remove(),
    get deliveries() {
      return upstream.calls.flatMap((call) => deliveryOf(call) ?? []);
    },
  };
}

function scriptOf(target: WebhookTarget): Script {
  if (typeof target === 'function') {
    return async (call) => {
      const delivery = deliveryOf(call);
      return delivery === null ? 400 : await target(delivery, call);
    };
  }
  if (!isReceiver(target)) return target;
  return (call) => target.handle(call.request());
}

function isReceiver(
  target: Exclude<WebhookTarget, WebhookHandler>,
): target is Pick<Receiver, 'handle'> {
  // Without types anything may come: what is neither is told where scripts are checked.
  return Object(target) === target && 'handle' in Object(target);
}

function deliveryOf(call: ReceivedCall): Delivery | null {
  try {
    const decoded = decodeDelivery(call.json());
    return decoded.ok ? decoded.delivery : null;
  } catch {
    return null;
  }
}
