import { EZThrottleError } from '../errors.ts';
import type { Answer } from './answer-error.ts';
import { isObject, parseJson, textOf } from './json.ts';
import { withoutKey, type Detour, type HttpRequest } from './transport.ts';

/**
 * Through the metering proxy, which takes every call as the content of one of its own.
 *
 * @param proxyUrl Without a slash at its end.
 */
export function proxyDetour(proxyUrl: string, apiKey: string): Detour {
  return {
    url: proxyUrl,
    wrap: (request) => ({
      method: 'POST',
      url: `${proxyUrl}/api/v1/proxy`,
      body: JSON.stringify(sealEnvelope(request)),
    }),
    open: (answer, requestId) => openEnvelope(answer, requestId, apiKey),
  };
}

/** A call as the metering proxy takes it: the inner body is a string of JSON. */
function sealEnvelope({ url, method, body }: HttpRequest): Readonly<Record<string, unknown>> {
  return {
    scope: 'customer',
    // Empty: check every limit of the plan.
    metric_name: '',
    target_url: url,
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body ?? '',
  };
}

/** The inner answer; the proxy's own when it let nothing through. Throws when it denied with a 200. */
function openEnvelope(answer: Answer, requestId: string, apiKey: string): Answer {
  if (answer.status !== 200) return answer;
  const { json } = answer;
  const denial = isObject(json) ? (textOf(json['error']) ?? 'no reason given') : 'no JSON';
  if (!isObject(json) || json['status'] !== 'allowed' || !isObject(json['forwarded_response'])) {
    throw new EZThrottleError(
      `The proxy denied the request: ${withoutKey(denial, apiKey).slice(0, 300)}`,
      {
        code: 'denied',
        status: answer.status,
        requestId,
      },
    );
  }
  const inner = json['forwarded_response'];
  const text = textOf(inner['body']) ?? '';
  const status = typeof inner['status_code'] === 'number' ? inner['status_code'] : 502;
  const headers = new Headers();
  for (const [name, value] of Object.entries(isObject(inner['headers']) ? inner['headers'] : {})) {
    if (typeof value === 'string') headers.set(name, value);
  }
  return { status, headers, text, json: parseJson(text) };
}
