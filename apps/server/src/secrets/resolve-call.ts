import { type AttemptCall, withSecrets } from '@ezthrottle/engine';
import { bodySpelling } from './body-spelling.ts';

/**
 * A call with its secrets put in. A value is spelled as its place needs it, so that it cannot change what
 * stands around it: percent-encoded in the address, escaped in a JSON body, encoded in a form.
 */
export function resolveCall(call: AttemptCall, valueOf: (name: string) => string): AttemptCall {
  const { secrets: _resolved, ...plain } = call;
  const { url, headers, body } = plain;
  const inBody = bodySpelling(headers, body?.data ?? '');
  const isText = body?.encoding === 'utf8';
  return {
    ...plain,
    url: withSecrets(url, (name) => encodeURIComponent(valueOf(name))),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, withSecrets(value, valueOf)]),
    ),
    body: isText
      ? { ...body, data: withSecrets(body.data, (name) => inBody(valueOf(name))) }
      : body,
  };
}
