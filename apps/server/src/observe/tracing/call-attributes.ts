import type { Outcome } from '@ezthrottle/engine';

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'QUERY',
]);

/** A span of a call is named by its method: there are few of them. */
export function spanName(method: string): string {
  return METHODS.has(method) ? method : 'HTTP';
}

/**
 * What a span says of a call, in OpenTelemetry's words for HTTP. The path is left out, as the query: for
 * many webhooks it is the secret.
 */
export function attributesOf(url: string, method: string): Record<string, string | number> {
  const isKnown = METHODS.has(method);
  const target = URL.parse(url);
  return {
    'http.request.method': isKnown ? method : '_OTHER',
    ...(target !== null && {
      'server.address': target.hostname,
      'server.port': Number(target.port === '' ? DEFAULT_PORTS[target.protocol] : target.port),
      'url.scheme': target.protocol.slice(0, -1),
    }),
  };
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Why it failed, as `error.type`; null: it did not. */
export function failureOf(outcome: Outcome): string | null {
  switch (outcome.kind) {
    case 'response':
      return outcome.status >= 400 ? String(outcome.status) : null;
    case 'network_error':
    case 'refused':
      return outcome.code;
    case 'timeout':
    case 'unknown':
      return outcome.kind;
    case 'aborted':
      // We stopped it, for another one was faster or the job was cancelled.
      return null;
  }
}
