import { memberPath, type Problem } from '@ezthrottle/core/protocol';
import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';

type Wording = Pick<Problem, 'message' | 'expected'>;

/**
 * What a schema of the protocol says about a value, in the words of the server. It reads the keywords
 * that those schemas use, and compiles no code: some runtimes forbid that.
 */
export function shapeProblems(schema: JsonSchema, value: unknown): readonly Problem[] {
  const problems = new Map<string, Problem>();
  check(schema, value, '', {
    root: schema,
    tell: (path, wording) => {
      if (!problems.has(path)) problems.set(path, { path, ...wording });
    },
  });
  return [...problems.values()];
}

interface Checking {
  readonly root: JsonSchema;
  readonly tell: (path: string, wording: Wording) => void;
}

function check(schema: JsonSchema, value: unknown, path: string, checking: Checking): void {
  const target = resolved(schema, checking.root);
  const type = textOf(target['type']);
  if (type !== null && !hasType(value, type)) {
    checking.tell(path, { message: 'has the wrong type', expected: typeName(type) });
    return;
  }
  for (const wording of valueProblems(target, value)) checking.tell(path, wording);
  if (Array.isArray(value) && isSchema(target['items'])) {
    const { items } = target;
    for (const [index, item] of value.entries()) check(items, item, `${path}[${index}]`, checking);
  }
  if (isSchema(value)) checkMembers(target, value, path, checking);
}

function checkMembers(
  schema: JsonSchema,
  value: JsonSchema,
  path: string,
  checking: Checking,
): void {
  const { required, properties, additionalProperties } = schema;
  for (const name of Array.isArray(required) ? required : []) {
    if (value[name] !== undefined) continue;
    checking.tell(memberPath(path, name), { message: 'is missing', expected: 'a value' });
  }
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const known: unknown = isSchema(properties) ? Reflect.get(properties, name) : undefined;
    const own = isSchema(known) ? known : isSchema(additionalProperties) && additionalProperties;
    if (own !== false) check(own, member, memberPath(path, name), checking);
  }
}

function valueProblems(schema: JsonSchema, value: unknown): readonly Wording[] {
  if (typeof value === 'number') return rangeProblems(schema, value);
  if (typeof value === 'string') return textProblems(schema, value);
  if (!Array.isArray(value)) return [];
  const { maxItems } = schema;
  return typeof maxItems === 'number' && value.length > maxItems
    ? [{ message: 'has too many entries', expected: `${maxItems} or fewer` }]
    : [];
}

function rangeProblems(
  { minimum, maximum, exclusiveMinimum }: JsonSchema,
  value: number,
): readonly Wording[] {
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) {
    return [{ message: 'is too small', expected: `more than ${exclusiveMinimum}` }];
  }
  if (typeof minimum === 'number' && value < minimum) {
    return [{ message: 'is too small', expected: `${minimum} or more` }];
  }
  if (typeof maximum === 'number' && value > maximum) {
    return [{ message: 'is too large', expected: `${maximum} or less` }];
  }
  return [];
}

function textProblems(schema: JsonSchema, value: string): readonly Wording[] {
  const { minLength, maxLength, pattern, enum: words } = schema;
  const { length } = Array.from(value);
  if (typeof maxLength === 'number' && length > maxLength) {
    return [{ message: 'is too long', expected: `${maxLength} characters or fewer` }];
  }
  if (typeof minLength === 'number' && length < minLength) {
    return [{ message: 'is too short', expected: `${minLength} characters or more` }];
  }
  if (typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)) {
    return [{ message: 'has the wrong form', expected: `text like ${pattern}` }];
  }
  if (Array.isArray(words) && !words.includes(value)) {
    const allowed = words.map((word) => JSON.stringify(word)).join(', ');
    return [{ message: 'is not one of the allowed values', expected: allowed }];
  }
  return [];
}

function resolved(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const reference = textOf(schema['$ref']);
  if (reference === null) return schema;
  const { definitions } = root;
  const found: unknown = isSchema(definitions)
    ? definitions[reference.slice('#/definitions/'.length)]
    : undefined;
  if (!isSchema(found)) throw new Error(`the schema has no ${reference}`);
  return found;
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isSchema(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function typeName(type: string): string {
  const name = type === 'integer' ? 'whole number' : type;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
