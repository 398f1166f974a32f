import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { replySchemas } from '../scripts/embed-reply-schemas.ts';
import { OPERATIONS } from '../src/api/openapi/operations.ts';
import { REPLY_SCHEMAS } from '../src/api/openapi/reply-schemas.ts';
import { objectOf, request, type RunningServer, startServer } from './running-server.ts';

const anything: unknown = expect.anything();
let server: RunningServer;
let document: Record<string, unknown>;

beforeAll(async () => {
  server = await startServer();
  document = (await request(`${server.url}/api/v1/openapi.json`, 'GET')).json;
});

afterAll(async () => {
  await server.close();
});

test('the document of the API is an OpenAPI document', async () => {
  const result = await new Validator().validate(structuredClone(document));
  expect(result).toEqual({ valid: true });
});

test('it describes every route that is served, and no other', () => {
  const described = Object.entries(document['paths'] ?? {}).flatMap(([address, methods]) =>
    Object.keys(methods).map(
      (method) => `${method.toUpperCase()} ${address.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    ),
  );
  // A route of which nothing is said fails the document itself.
  expect(described.toSorted()).toEqual(Object.keys(OPERATIONS).toSorted());
});

test('it describes for every route what is refused before any route', () => {
  for (const methods of Object.values(document['paths'] ?? {})) {
    for (const { responses } of Object.values(objectOf(methods)).map(objectOf)) {
      expect(responses).toMatchObject({ 408: anything, 417: anything, 431: anything });
    }
  }
});

test('what it says of answers is what the types say', () => {
  expect(REPLY_SCHEMAS).toEqual(replySchemas());
});

test('it names no schema that it does not have', () => {
  const text = JSON.stringify(document);
  const named = new Set(
    [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name),
  );
  const { schemas } = JSON.parse(text).components;
  expect([...named].filter((name) => !Object.hasOwn(schemas, name ?? ''))).toEqual([]);
});
