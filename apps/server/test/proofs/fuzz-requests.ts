import fc from 'fast-check';
import { HOSTILE, spoiled, valuesOf } from './fuzz-values.ts';

/** A request that is yet to be given the ids of what there is. */
export interface FuzzRequest {
  readonly method: string;
  /** `POST /api/v1/jobs/{id}`: whose request it was before anything was spoiled. */
  readonly route: string;
  /** Path and query; `{id}` stands for an id that some answer has named. */
  readonly path: string;
  /** Which of the ids. */
  readonly pick: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

const HEADERS: readonly (readonly [string, string])[] = [
  ['prefer', 'wait=0'],
  ['prefer', 'wait=0.01, respond-async'],
  ['prefer', 'wait=-1;;,=,"'],
  ['if-match', '"1"'],
  ['if-match', '*'],
  ['if-none-match', '*'],
  ['if-none-match', 'W/"x", '.repeat(20)],
  ['last-event-id', '1'],
  ['last-event-id', '-1e9'],
  ['idempotency-key', 'a'],
  ['x-ezthrottle-actor', 'ada%40example.com'],
  ['x-ezthrottle-actor', '%'],
  ['x-ezthrottle-reason', '%ff%fe'],
  ['x-request-id', 'a'.repeat(5_000)],
  ['accept', '*/*;q=x'],
  ['accept-encoding', 'gzip'],
  ['content-encoding', 'gzip'],
  ['traceparent', '00-zz-zz-00'],
  ['cookie', 'a=b'],
  ['x-forwarded-for', '127.0.0.1'],
  ['x-http-method-override', 'DELETE'],
  ['range', 'bytes=0-1'],
];

const TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'application/vnd.api+json',
  'text/plain',
  'multipart/form-data; boundary=a',
  'application/x-www-form-urlencoded',
  '',
] as const;

/** Requests of every route that a document of the API has, right and spoiled, about as many of each route. */
export function fuzzRequests(
  document: Readonly<Record<string, unknown>>,
): fc.Arbitrary<FuzzRequest> {
  const schemas = objectAt(objectAt(document, 'components'), 'schemas');
  const paths = objectAt(document, 'paths');
  const routes = Object.keys(paths).flatMap((path) =>
    Object.keys(objectAt(paths, path)).map((method) =>
      requestsOf(path, method, objectAt(objectAt(paths, path), method), schemas),
    ),
  );
  return fc.oneof(...routes);
}

function requestsOf(
  path: string,
  method: string,
  operation: Readonly<Record<string, unknown>>,
  schemas: Readonly<Record<string, unknown>>,
): fc.Arbitrary<FuzzRequest> {
  const route = `${method.toUpperCase()} ${path}`;
  const schema = ['requestBody', 'content', 'application/json', 'schema'].reduce(
    objectAt,
    operation,
  );
  const hasBody = Object.keys(schema).length > 0;
  const right = hasBody ? valuesOf(schema, schemas) : fc.constant<unknown>(undefined);
  const body = fc.oneof(
    { arbitrary: right, weight: 3 },
    { arbitrary: right.chain(spoiled), weight: 4 },
  );
  return fc
    .record({
      body: body.map(textOf).chain((text) => brokenNow(text)),
      path: pathsOf(path),
      query: queriesOf(operation),
      method: mostly(fc.constant(method.toUpperCase()), fc.constantFrom(...METHODS), 40),
      type: mostly(fc.constant('application/json'), fc.constantFrom(...TYPES), 20),
      extra: fc.array(fc.constantFrom(...HEADERS), { maxLength: 2 }),
      pick: fc.nat(1_000),
    })
    .map((made) => ({
      method: made.method,
      route,
      path: `${made.path}${made.query === '' ? '' : `?${made.query}`}`,
      pick: made.pick,
      headers: Object.fromEntries([
        ...(made.body === null ? [] : [['content-type', made.type] as const]),
        ...made.extra,
      ]),
      body: made.method === 'GET' || made.method === 'HEAD' ? null : made.body,
    }));
}

function textOf(value: unknown): Buffer | null {
  return value === undefined ? null : Buffer.from(JSON.stringify(value));
}

/** Now and then what is sent is no JSON any more. */
function brokenNow(text: Buffer | null): fc.Arbitrary<Buffer | null> {
  const whole = text ?? Buffer.alloc(0);
  const broken = fc.oneof(
    fc.nat(whole.length).map((end) => whole.subarray(0, end)),
    fc.constantFrom(
      Buffer.concat([Buffer.from('\ufeff'), whole]),
      Buffer.concat([whole, Buffer.from(',')]),
      Buffer.from([0xff, 0xfe, 0x00]),
      Buffer.from('['.repeat(20_000)),
      Buffer.from('{"a":'.repeat(2_000)),
      Buffer.from('{"jobs":[1e999]}'),
      Buffer.from('null'),
      Buffer.from('NaN'),
    ),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  );
  return mostly(fc.constant(text), broken, 12);
}

const PARAMETERS = [
  'a',
  'self',
  'destination:http:%2F%2F127.0.0.1:9',
  'account:ann',
  '00000000-0000-7000-8000-000000000000',
  'ffffffffffffffffffffffffffffffff',
  '%00',
  '%ff',
  '%',
  '..',
  '%2e%2e%2f',
  'a'.repeat(5_000),
  '%F0%9F%98%80',
  '__proto__',
  '-1',
] as const;

/** `{id}` stays where it is to become one that there is. */
function pathsOf(path: string): fc.Arbitrary<string> {
  const known = fc.constant('{id}');
  const parameter = fc.oneof(
    { arbitrary: known, weight: 3 },
    { arbitrary: fc.constantFrom(...PARAMETERS), weight: 2 },
  );
  const parts = path.split(/\{\w+\}/);
  return fc
    .tuple(
      fc.array(parameter, { minLength: parts.length - 1, maxLength: parts.length - 1 }),
      mostly(fc.constant(''), fc.constantFrom('/', '//', '/..', ';a', '%20', '/x'), 50),
    )
    .map(([values, end]) => parts.map((part, at) => `${part}${values[at] ?? ''}`).join('') + end);
}

function queriesOf(operation: Readonly<Record<string, unknown>>): fc.Arbitrary<string> {
  const parameters: unknown = operation['parameters'];
  const listed: readonly unknown[] = Array.isArray(parameters) ? parameters : [];
  const pairs = listed.flatMap((parameter) => {
    const { in: place, name, schema } = objectAt({ parameter }, 'parameter');
    if (place !== 'query' || typeof name !== 'string') return [];
    const value = mostly(
      valuesOf(objectAt({ schema }, 'schema'), {}, name),
      fc.constantFrom(...HOSTILE),
      4,
    );
    return [value.map((one) => `${name}=${queryText(one)}`)];
  });
  const strange = fc.constantFrom(
    'a=b',
    'limit',
    '__proto__=a',
    '%=%',
    'a[b]=c',
    '&&&',
    'limit=1&limit=2',
  );
  return fc
    .array(pairs.length === 0 ? strange : mostly(fc.oneof(...pairs), strange, 20), { maxLength: 3 })
    .map((parts) => parts.join('&'));
}

function queryText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return encodeURIComponent(Buffer.from(text).toString()).slice(0, 4_000);
}

/** One in so many is the other. */
function mostly<T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: usual, weight: oneIn - 1 }, { arbitrary: other, weight: 1 });
}

function objectAt(value: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const member = value[name];
  return typeof member === 'object' && member !== null ? { ...member } : {};
}
