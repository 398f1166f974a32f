import { ERROR_STATUS, type ErrorCode } from '@ezthrottle/core/protocol';
import { JOB_REQUEST_SCHEMA, type JsonSchema } from '@ezthrottle/core/protocol/schemas';
import type { Access, Method, Surface } from '../route.ts';
import type { Answered, Operation, Operations } from './operation.ts';
import { REPLY_SCHEMAS } from './reply-schemas.ts';

/** An OpenAPI document as plain data. */
export type OpenApiDocument = Readonly<Record<string, unknown>>;

/**
 * The document of all routes that are served, from the schemas that requests are checked against and the
 * types that answers have.
 *
 * @throws TypeError for a route of which the operations say nothing.
 */
export function openApiDocument(
  surfaces: readonly Surface[],
  operations: Operations,
  version: string,
): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { prefix, routes } of surfaces) {
    for (const { method, path, access } of routes) {
      const operation = operations[`${method} ${prefix}${path}`];
      if (operation === undefined) {
        throw new TypeError(`nothing is said about ${method} ${prefix}${path}`);
      }
      const address = `${prefix}${path}`.replaceAll(/:(\w+)/g, '{$1}');
      paths[address] = {
        ...paths[address],
        [method.toLowerCase()]: describe(operation, { address, method, access }),
      };
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'EZThrottle', version, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { ...REPLY_SCHEMAS, ...jobSchemas() },
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } },
    },
  };
}

interface Place {
  readonly address: string;
  readonly method: Method;
  readonly access: Access;
}

function describe(operation: Operation, place: Place): object {
  const { address, access } = place;
  const { summary, tag, body, answers } = operation;
  const isPublic = access === 'public';
  return {
    summary,
    ...(!isPublic && { description: `Needs an API key with the scope \`${access}\`.` }),
    tags: [tag],
    security: isPublic ? [] : [{ apiKey: [] }],
    parameters: [...inPath(address), ...inQuery(operation), ...inHeaders(operation)],
    ...(body !== undefined && {
      requestBody: { required: true, content: json(withoutId(body)) },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answered]) => [status, answerOf(answered)]),
      ),
      ...refusalsOf(operation, place),
      ...BEFORE_ROUTES,
    },
  };
}

function inPath(address: string): readonly object[] {
  return [...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function inQuery({ query }: Operation): readonly object[] {
  const properties: unknown = query?.['properties'];
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }));
}

function inHeaders({ headers = {} }: Operation): readonly object[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }));
}

function answerOf(answered: Answered): object {
  if (typeof answered !== 'string') {
    return {
      description: answered.join(', or '),
      content: json({ anyOf: answered.map(named) }),
    };
  }
  switch (answered) {
    case 'event stream':
      return {
        description: 'Server-sent events',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      };
    case 'nothing':
      return { description: 'There is nothing more to come' };
    case 'any object':
      return { description: 'JSON', content: json({ type: 'object' }) };
    default:
      return { description: answered, content: json(named(answered)) };
  }
}

/** What may go wrong at every route. */
const ALWAYS: readonly ErrorCode[] = ['internal_error', 'unavailable'];
const WITH_KEY: readonly ErrorCode[] = ['unauthorized', 'forbidden'];
const WITH_INPUT: readonly ErrorCode[] = ['validation_failed'];
/** A parameter that is not percent-encoded as it should be leads nowhere. */
const WITH_PARAMETERS: readonly ErrorCode[] = ['not_found'];
const WITH_BODY: readonly ErrorCode[] = [
  'invalid_json',
  'payload_too_large',
  'unsupported_media_type',
];

/** What any request may be answered before it comes to a route. */
const BEFORE_ROUTES: object = Object.fromEntries(
  Object.entries({
    408: 'validation_failed: the request did not arrive in time',
    417: 'validation_failed: the header `Expect` asks for something unknown',
    431: 'validation_failed: the headers are too long',
  }).map(([status, description]) => [status, { description, content: json(named('WireError')) }]),
);

/** One answer for each status, which names the codes that it may carry. */
function refusalsOf({ refusals = [], query }: Operation, place: Place): object {
  const hasParameters = place.address.includes('{');
  // A body that a route does not ask for is read all the same.
  const mayHaveBody = place.method !== 'GET';
  const codes = [
    ...refusals,
    ...(place.access === 'public' ? [] : WITH_KEY),
    ...(hasParameters ? WITH_PARAMETERS : []),
    ...(mayHaveBody || query !== undefined || hasParameters ? WITH_INPUT : []),
    ...(mayHaveBody ? WITH_BODY : []),
    ...ALWAYS,
  ];
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of codes) {
    const status = ERROR_STATUS[code];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  return Object.fromEntries(
    [...byStatus].map(([status, found]) => [
      status,
      { description: [...found].join(', '), content: json(named('WireError')) },
    ]),
  );
}

function json(schema: JsonSchema): object {
  return { 'application/json': { schema } };
}

function named(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** Within one document a schema needs no name of its own. */
function withoutId({ $id: _id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}

const JOB_SCHEMA_NAMES: Readonly<Record<string, string>> = {
  job: 'JobRequest',
  fallback_job: 'FallbackJobRequest',
  webhook: 'WebhookRequest',
  retry_policy: 'RetryPolicyRequest',
  trigger: 'TriggerRequest',
  limit: 'LimitRequest',
};

/** The schemas of a job under names that are good in one document with all others. */
function jobSchemas(): Readonly<Record<string, JsonSchema>> {
  let text = JSON.stringify(JOB_REQUEST_SCHEMA['definitions']);
  for (const [name, shown] of Object.entries(JOB_SCHEMA_NAMES)) {
    text = text.replaceAll(`"#/definitions/${name}"`, `"#/components/schemas/${shown}"`);
  }
  const definitions: Readonly<Record<string, JsonSchema>> = JSON.parse(text);
  return Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => [JOB_SCHEMA_NAMES[name] ?? name, schema]),
  );
}
