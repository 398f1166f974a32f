import { expect, test } from 'vitest';
import { outcomeOfError } from './network-error.ts';

test.each([
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_reset'],
  ['UND_ERR_SOCKET', 'connection_reset'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connect_timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENOTFOUND', 'dns_failed'],
  ['CERT_HAS_EXPIRED', 'tls_failed'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_failed'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_failed'],
  ['UND_ERR_HEADERS_OVERFLOW', 'bad_response'],
  ['SOMETHING_NEW', 'network_failed'],
])('%s is told as %s, without the words of the original', (original, code) => {
  const error = Object.assign(new Error('connect 10.1.2.3:80'), { code: original });

  const outcome = outcomeOfError(error);

  expect(outcome).toMatchObject({ kind: 'network_error', code });
  expect(JSON.stringify(outcome)).toContain(original);
  expect(JSON.stringify(outcome)).not.toContain('10.1.2.3');
});

test.each([undefined, null, 'text', new Error('no code'), { code: 5 }])(
  'whatever is thrown is a network error: %s',
  (thrown) => {
    expect(outcomeOfError(thrown)).toMatchObject({
      kind: 'network_error',
      code: 'network_failed',
    });
  },
);

test('what undici will not send is refused, not repeated', () => {
  const error = Object.assign(new Error('invalid request path'), { code: 'UND_ERR_INVALID_ARG' });

  expect(outcomeOfError(error)).toEqual({
    kind: 'refused',
    code: 'invalid_request',
    message: 'invalid request path',
  });
});
