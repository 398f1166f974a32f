import type { Delivery } from '@ezthrottle/core/webhooks';
import type { ReceivedCall } from '../network/received-call.ts';

/** What a call should have been like; what is left out does not matter. */
export interface ExpectedCall {
  readonly url?: string;
  readonly method?: string;
  /** Some of its headers, names in any case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly attempt?: number;
  /** How many such calls there should be. Default: one or more. */
  readonly times?: number;
}

/** What a delivery should have been like; what is left out does not matter. */
export interface ExpectedDelivery {
  readonly jobId?: string;
  readonly idempotentKey?: string;
  readonly status?: Delivery['status'];
  /** Of the target's answer. */
  readonly statusCode?: number;
  readonly tag?: string;
  /** How many such deliveries there should be. Default: one or more. */
  readonly times?: number;
}

export interface Finding {
  readonly pass: boolean;
  readonly message: string;
}

interface Called {
  readonly calls: readonly ReceivedCall[];
}

interface Delivered {
  readonly deliveries: readonly Delivery[];
}

/** Looks through the calls of an upstream, a webhook or a whole server. */
export function findCalls({ calls }: Called, expected: ExpectedCall): Finding {
  const found = calls.filter((call) => isSuchCall(call, expected));
  const shown = calls.map(({ method, url, attempt, elapsedMs }) => {
    const number = attempt === null ? '' : `, attempt ${attempt}`;
    return `${method} ${url} after ${elapsedMs} ms${number}`;
  });
  return finding('call', found.length, expected, shown);
}

/** Looks through what a webhook has received. */
export function findDeliveries({ deliveries }: Delivered, expected: ExpectedDelivery): Finding {
  const found = deliveries.filter((delivery) => isSuchDelivery(delivery, expected));
  const shown = deliveries.map(
    ({ jobId, status, idempotentKey, attempt }) =>
      `job ${jobId} (${idempotentKey ?? 'no key'}): ${status}, attempt ${attempt ?? 1}`,
  );
  return finding('delivery', found.length, expected, shown);
}

function isSuchCall(call: ReceivedCall, expected: ExpectedCall): boolean {
  const headers = Object.entries(expected.headers ?? {});
  return (
    isAsked(expected.url, call.url) &&
    isAsked(expected.method?.toUpperCase(), call.method.toUpperCase()) &&
    isAsked(expected.body, call.body) &&
    isAsked(expected.attempt, call.attempt) &&
    headers.every(([name, value]) => call.headers[name.toLowerCase()] === value)
  );
}

function isSuchDelivery(delivery: Delivery, expected: ExpectedDelivery): boolean {
  return (
    isAsked(expected.jobId, delivery.jobId) &&
    isAsked(expected.idempotentKey, delivery.idempotentKey) &&
    isAsked(expected.status, delivery.status) &&
    isAsked(expected.statusCode, delivery.response?.statusCode) &&
    (expected.tag === undefined || delivery.tags.includes(expected.tag))
  );
}

function isAsked<Value>(expected: Value | undefined, actual: Value | null | undefined): boolean {
  return expected === undefined || expected === actual;
}

function finding(
  what: string,
  count: number,
  { times, ...wanted }: ExpectedCall | ExpectedDelivery,
  shown: readonly string[],
): Finding {
  const pass = times === undefined ? count > 0 : count === times;
  const such = Object.keys(wanted).length === 0 ? '' : ` like ${JSON.stringify(wanted)}`;
  const list = shown.length === 0 ? 'none at all' : `\n  ${shown.join('\n  ')}`;
  const asked = times === undefined ? `a ${what}` : `${times} × a ${what}`;
  return { pass, message: `expected ${asked}${such}, found ${count}; there were: ${list}` };
}
