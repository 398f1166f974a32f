import fc from 'fast-check';

/** A JSON Schema as plain data. */
type Schema = Readonly<Record<string, unknown>>;

/** Becomes the address of a target that is there. */
export const TARGET = 'http://target.invalid';
/** Where nobody listens. */
const NOWHERE = 'http://127.0.0.1:9/';
/** Later than any test, so that what is submitted stays. */
const FAR = 8_640_000_000_000_000;

/** What the names of members ask for, where a schema says no more than "text" or "number". */
const BY_NAME: Readonly<Record<string, readonly unknown[]>> = {
  url: [NOWHERE, `${NOWHERE}a?b=c`, `${TARGET}/ok`, `${TARGET}/gone`, `${TARGET}/fails`],
  origins: [[TARGET], ['http://127.0.0.1:9', TARGET]],
  max_retries: [0, 1],
  max_reroutes: [0, 1],
  method: ['GET', 'POST', 'PUT', 'patch'],
  retry_at: [FAR, 0],
  idempotent_key: ['a', 'b', 'c', 'd'],
  user_id: ['ann', 'bob', 'cia'],
  key: ['a', 'b', 'destination:http://127.0.0.1:9', 'account:ann', 'api-key:self'],
  regions: [['iad'], ['iad', 'lax']],
  secrets: [`whsec_${'A'.repeat(32)}`, 'a-secret-of-more-than-16'],
  primary_secret: [`whsec_${'A'.repeat(32)}`],
  secondary_secret: [`whsec_${'B'.repeat(32)}`],
  new_secret: [`whsec_${'C'.repeat(32)}`],
  expires_at: [FAR, 1],
  scopes: [['read'], ['submit', 'read']],
  name: ['a', 'b', 'billing'],
  reason: ['ticket 1', 'because'],
  value: ['a value of a secret'],
  rate: [1, 10],
  concurrency: [1, 5],
  weight: [1],
  settle_header: ['x-cost'],
  settle_path: ['$.cost'],
  fallback_job: [{ url: `${TARGET}/ok` }],
  on_success: [{ url: `${TARGET}/ok` }],
  on_failure: [{ url: `${TARGET}/fails` }],
  webhooks: [[{ url: `${TARGET}/gone` }], [{ url: `${TARGET}/fails` }, { url: `${TARGET}/ok` }]],
  cursor: ['a', 'AAAA'],
  limit: [1, 10, 100],
};

/** Values that mean something to a parser, a database, a pattern or a prototype somewhere. */
export const HOSTILE: readonly unknown[] = [
  null,
  true,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e',
  'a'.repeat(10_000),
  "' OR 1=1 --",
  '%00',
  '../../etc/passwd',
  '{{secret.a}}',
  '{{secret.',
  '$1',
  '(((((((((((((((((((((((((((((a+)+)+)+)+)+',
  'http://user:pw@127.0.0.1/',
  'javascript:0',
  '__proto__',
  'constructor',
  -1,
  0,
  -0,
  1.5,
  1e308,
  2 ** 53,
  -(2 ** 63),
  [],
  {},
  [[[[[[[[]]]]]]]],
  { constructor: { prototype: {} } },
  JSON.parse('{"__proto__":{"toString":1}}'),
  Array.from({ length: 1_001 }, () => 0),
  Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`x-${at}`, 'a'])),
];

const hostile: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: fc.constantFrom(...HOSTILE), weight: 3 },
  { arbitrary: fc.jsonValue({ maxDepth: 3 }), weight: 1 },
);

/** Values that a schema takes, or nearly: bounds between several members are nobody's business here. */
export function valuesOf(
  schema: Schema,
  definitions: Schema,
  name = '',
  depth = 0,
): fc.Arbitrary<unknown> {
  const of = (inner: unknown, innerName = name): fc.Arbitrary<unknown> =>
    valuesOf(schemaOf(inner), definitions, innerName, depth + 1);
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    return depth > 12 ? fc.constant({}) : of(definitions[reference.split('/').at(-1) ?? '']);
  }
  if (schema['const'] !== undefined) return fc.constant(schema['const']);
  const listed = listOf(schema['enum']);
  if (listed.length > 0) return fc.constantFrom(...listed);
  const choices = [...listOf(schema['oneOf']), ...listOf(schema['anyOf'])];
  if (choices.length > 0) return fc.oneof(...choices.map((one) => of(one)));
  const known = BY_NAME[name];
  if (known !== undefined) return fc.constantFrom(...known);
  const types = [schema['type']].flat();
  const [type = typeFrom(schema)] = types.filter((one) => one !== 'null');
  switch (type) {
    case 'object':
      return depth > 6 ? fc.constant({}) : objectsOf(schema, of);
    case 'array':
      return fc.array(of(schema['items']), {
        minLength: numberOf(schema['minItems'], 0),
        maxLength: 3,
      });
    case 'integer':
    case 'number':
      return integersOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.string({
        minLength: numberOf(schema['minLength'], 0),
        maxLength: 24,
        unit: 'grapheme-ascii',
      });
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function objectsOf(
  schema: Schema,
  of: (inner: unknown, name: string) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const members = schemaOf(schema['properties']);
  const required = listOf(schema['required']).map(String);
  const names = Object.keys(members);
  const shaped = fc.record(
    Object.fromEntries(names.map((name) => [name, of(members[name], name)])),
    { requiredKeys: required.filter((name) => names.includes(name)) },
  );
  if (names.length === 0) {
    return fc.dictionary(fc.constantFrom('a', 'b', 'X-C'), fc.constantFrom('1', '2'), {
      maxKeys: 3,
    });
  }
  // With all members at once hardly anything fits together: most are left out again.
  return fc
    .tuple(shaped, fc.array(fc.nat(99), { minLength: names.length, maxLength: names.length }))
    .map(([value, dice]) =>
      Object.fromEntries(
        Object.entries(value).filter(
          ([name], at) => required.includes(name) || (dice[at] ?? 0) < 25,
        ),
      ),
    );
}

function integersOf(schema: Schema): fc.Arbitrary<number> {
  const min = numberOf(schema['minimum'] ?? schema['exclusiveMinimum'], 0);
  const max = numberOf(schema['maximum'], min + 1_000_000);
  return fc.constantFrom(min, Math.min(min + 1, max), Math.min(min + 100, max), max);
}

/** Spoils a value in one to three places. */
export function spoiled(value: unknown): fc.Arbitrary<unknown> {
  const spoiling = fc.record({
    path: fc.array(fc.nat(7), { maxLength: 5 }),
    how: fc.constantFrom('replace', 'remove', 'add', 'wrap', 'repeat'),
    value: hostile,
    name: fc.constantFrom('a', '__proto__', 'toString', 'url', 'jobs', 'metadata', 'éé', ''),
  });
  return fc
    .array(spoiling, { minLength: 1, maxLength: 3 })
    .map((steps) => steps.reduce((current, step) => spoil(current, step.path, step), value));
}

interface Spoiling {
  readonly how: 'replace' | 'remove' | 'add' | 'wrap' | 'repeat';
  readonly value: unknown;
  readonly name: string;
}

function spoil(value: unknown, [at, ...rest]: readonly number[], step: Spoiling): unknown {
  if (at === undefined || typeof value !== 'object' || value === null)
    return spoilHere(value, step);
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.map((item, index) =>
      index === at % items.length ? spoil(item, rest, step) : item,
    );
  }
  const members: readonly (readonly [string, unknown])[] = Object.entries(value);
  return Object.fromEntries(
    members.flatMap(([name, member], index) => {
      if (index !== at % members.length) return [[name, member]];
      return step.how === 'remove' && rest.length === 0 ? [] : [[name, spoil(member, rest, step)]];
    }),
  );
}

function spoilHere(value: unknown, { how, value: other, name }: Spoiling): unknown {
  switch (how) {
    case 'wrap':
      return [value];
    case 'repeat':
      return [value, value, value];
    case 'add':
      if (typeof value !== 'object' || value === null) return other;
      return Object.fromEntries([...Object.entries(value), [name, other]]);
    default:
      return other;
  }
}

function schemaOf(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function typeFrom(schema: Schema): string {
  if (schema['properties'] !== undefined) return 'object';
  return schema['items'] === undefined ? 'any' : 'array';
}
