import type { Outcome } from '@ezthrottle/engine';
import { AddressRefusedError } from '../net/checked-host.ts';
import { EgressError } from '../net/egress.ts';

/** Codes of `network_error` outcomes. Stable: users match on them. */
export type NetworkErrorCode =
  | 'connection_refused'
  | 'connection_reset'
  | 'connect_timeout'
  | 'unreachable'
  | 'dns_failed'
  | 'tls_failed'
  | 'bad_response'
  | 'network_failed';

const MEANINGS: Readonly<Record<NetworkErrorCode, string>> = {
  connection_refused: 'the target refused the connection',
  connection_reset: 'the connection broke before the answer was complete',
  connect_timeout: 'no connection could be opened in time',
  unreachable: 'the network has no way to the target',
  dns_failed: 'the host name could not be resolved',
  tls_failed: 'no trusted TLS connection could be made',
  bad_response: 'the target did not answer in valid HTTP',
  network_failed: 'the call failed on its way',
};

const BY_SYSTEM_CODE: Readonly<Record<string, NetworkErrorCode>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  ETIMEDOUT: 'connect_timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ENOTFOUND: 'dns_failed',
  EAI_AGAIN: 'dns_failed',
  ENODATA: 'dns_failed',
  ESERVFAIL: 'dns_failed',
  EPROTO: 'tls_failed',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_failed',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_failed',
  HOSTNAME_MISMATCH: 'tls_failed',
  UND_ERR_HEADERS_OVERFLOW: 'bad_response',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad_response',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'bad_response',
  UND_ERR_INFO: 'bad_response',
};

/**
 * What a failed call means. The message is ours, with the original code: original messages may name
 * addresses of an inner network.
 */
export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof AddressRefusedError) {
    return { kind: 'refused', code: error.code, message: error.message };
  }
  if (error instanceof EgressError) {
    return { kind: 'network_error', code: error.code, message: error.message };
  }
  const original = codeOf(error);
  if (original === 'UND_ERR_INVALID_ARG' || original === 'UND_ERR_NOT_SUPPORTED') {
    return { kind: 'refused', code: 'invalid_request', message: messageOf(error) };
  }
  const code = isParserError(error) ? 'bad_response' : networkErrorCode(original);
  const suffix = original === null ? '' : ` (${original})`;
  return { kind: 'network_error', code, message: `${MEANINGS[code]}${suffix}` };
}

function networkErrorCode(original: string | null): NetworkErrorCode {
  if (original === null) return 'network_failed';
  const known = BY_SYSTEM_CODE[original];
  if (known !== undefined) return known;
  if (/^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_)/.test(original)) return 'tls_failed';
  return 'network_failed';
}

/** undici gives its parser's errors a code only when the parser has one. */
function isParserError(error: unknown): boolean {
  return error instanceof Error && error.name === 'HTTPParserError';
}

function codeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'the request cannot be sent';
}
