/**
 * Checks of single values, shared by the SDK's validator and the server, so that both refuse the same
 * input in the same words. Each returns every problem it finds under the given path, never throws and
 * touches nothing.
 */
import { LIMITS } from './limits.ts';
import type { Problem } from './wire-error.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const HTTP_URL = /^https?:\/\//i;

/** Methods that open a tunnel or echo what was sent: they are not calls that a server makes for others. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

const METHOD_LENGTH = 32;

/**
 * Headers that describe one connection or its framing, in lower case. Whoever makes the call sets them
 * itself; a caller's are left out with a warning rather than refused, since copies of incoming requests
 * carry them.
 */
export const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Absolute http(s) address without credentials, at most `LIMITS.urlLength` characters. */
export function checkUrl(value: unknown, path: string): Problem[] {
  const expected = 'an absolute http:// or https:// address';
  if (value === undefined || value === null || value === '') {
    return [{ path, message: 'is required', expected }];
  }
  if (typeof value !== 'string') return [{ path, message: 'is not a string', expected }];
  if (value.length > LIMITS.urlLength) {
    return [
      {
        path,
        message: `is ${value.length} characters long`,
        expected: `at most ${LIMITS.urlLength} characters`,
      },
    ];
  }
  if (/\p{Cc}/u.test(value)) {
    return [{ path, message: 'contains a control character', expected }];
  }
  if (!(HTTP_URL.test(value) && URL.canParse(value))) {
    return [{ path, message: 'is not an http(s) address', expected }];
  }
  // Without the sign there is nobody before it: nearly no address has to be taken apart.
  if (value.includes('@') && hasUser(new URL(value))) {
    return [
      {
        path,
        message: 'contains a user name or password',
        expected: 'an address without credentials; send them in an Authorization header',
      },
    ];
  }
  return [];
}

/** An HTTP method in any case; absent is fine. */
export function checkMethod(value: unknown, path: string): Problem[] {
  const expected = 'an HTTP method such as GET, POST, PUT, PATCH or DELETE';
  if (value === undefined) return [];
  if (typeof value !== 'string') return [{ path, message: 'is not a string', expected }];
  if (value.length > METHOD_LENGTH || !TOKEN.test(value)) {
    return [{ path, message: 'is not an HTTP method', expected }];
  }
  if (REFUSED_METHODS.has(value.toUpperCase())) {
    return [{ path, message: `${value.toUpperCase()} is not supported`, expected }];
  }
  return [];
}

/** Header names and values that can be sent as they are: no line breaks, no name twice; absent is fine. */
export function checkHeaders(value: unknown, path: string): Problem[] {
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [
      { path, message: 'is not an object', expected: 'an object of header names and strings' },
    ];
  }
  const entries: [string, unknown][] = Object.entries(value);
  const problems: Problem[] = [];
  if (entries.length > LIMITS.headers) {
    return [
      {
        path,
        message: `has ${entries.length} headers`,
        expected: `at most ${LIMITS.headers} headers`,
      },
    ];
  }
  const seen = new Set<string>();
  let characters = 0;
  for (const [name, content] of entries) {
    const problem = headerProblem(name, content);
    // A path is put together for those who read it: nearly all headers are right.
    if (problem !== null) problems.push({ path: memberPath(path, name), ...problem });
    const lower = name.toLowerCase();
    if (seen.has(lower)) {
      problems.push({
        path: memberPath(path, name),
        message: 'is given twice in different case',
        expected: 'each header once',
      });
    }
    seen.add(lower);
    characters += name.length + (typeof content === 'string' ? content.length : 0);
  }
  // Names and values are Latin-1, so characters are bytes.
  if (characters > LIMITS.headerBytes) {
    problems.push({
      path,
      message: `is ${characters} bytes long`,
      expected: `at most ${LIMITS.headerBytes} bytes of names and values`,
    });
  }
  return problems;
}

/**
 * A list of HTTP statuses; absent is fine.
 *
 * @param options.allowEmpty Whether `[]` is right: yes for retry lists ("never"), no for a trigger,
 *   which could then not start. Default true.
 */
export function checkStatusCodes(
  value: unknown,
  path: string,
  options: { readonly allowEmpty?: boolean } = {},
): Problem[] {
  const expected = 'a list of HTTP statuses from 100 to 599';
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [{ path, message: 'is not a list', expected }];
  const codes: readonly unknown[] = value;
  if (codes.length === 0 && options.allowEmpty === false) {
    return [{ path, message: 'is empty', expected: `${expected}, at least one` }];
  }
  if (codes.length > LIMITS.statusCodes) {
    return [
      {
        path,
        message: `has ${codes.length} entries`,
        expected: `at most ${LIMITS.statusCodes} entries`,
      },
    ];
  }
  return codes.flatMap((code, index) =>
    isStatusCode(code)
      ? []
      : [
          {
            path: `${path}[${index}]`,
            message: 'is not an HTTP status',
            expected: 'a whole number from 100 to 599',
          },
        ],
  );
}

/** Path of a member: `a.b`, or `a["x-y"]` where the name is not a plain word. */
export function memberPath(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name.slice(0, 64))}]`;
  const shown = name.slice(0, 64);
  return path === '' ? shown : `${path}.${shown}`;
}

function headerProblem(name: string, content: unknown): Omit<Problem, 'path'> | null {
  if (!TOKEN.test(name)) {
    return {
      message: 'is not a header name',
      expected: 'letters, digits and the signs that HTTP allows in header names',
    };
  }
  const isText = typeof content === 'string';
  if (isText && HEADER_VALUE.test(content)) return null;
  return {
    message: isText ? 'contains a character that a header cannot carry' : 'is not a string',
    expected: 'a string of printable Latin-1 characters, without line breaks',
  };
}

function isStatusCode(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599;
}

function hasUser(url: URL): boolean {
  return url.username !== '' || url.password !== '';
}
