import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createGenerator } from 'ts-json-schema-generator';
import { REPLY_NAMES } from '../src/api/openapi/reply-names.ts';

// What the server answers is written once, as types of the protocol, with what each member means. The
// document of the API shows them as schemas, which are made from the types here. A test compares them.

const types = fileURLToPath(
  new URL('../../../packages/core/src/protocol/index.ts', import.meta.url),
);
const target = new URL('../src/api/openapi/reply-schemas.ts', import.meta.url);

/** A schema for each type of an answer and whatever it is made of, by name. */
export function replySchemas(): Readonly<Record<string, unknown>> {
  const generator = createGenerator({
    path: types,
    skipTypeCheck: true,
    // A server that says more breaks no client.
    additionalProperties: true,
    topRef: true,
  });
  const found = REPLY_NAMES.flatMap((name) =>
    Object.entries(generator.createSchema(name).definitions ?? {}),
  ).sort(([one], [other]) => (one < other ? -1 : 1));
  const json = JSON.stringify(Object.fromEntries(found));
  return JSON.parse(json.replaceAll('#/definitions/', '#/components/schemas/'));
}

function textOf(schemas: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(schemas, null, 2);
  return [
    '// Made from the types of the protocol by scripts/embed-reply-schemas.ts: change those, then run it.\n\n',
    "import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';\n\n",
    `export const REPLY_SCHEMAS: Readonly<Record<string, JsonSchema>> = ${json};\n`,
  ].join('');
}

if (import.meta.main) writeFileSync(target, textOf(replySchemas()));
