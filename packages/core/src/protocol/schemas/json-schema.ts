/** A JSON Schema (draft 07, which validators read by default) as plain data. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** Keys that a value of this type always has. */
type RequiredKey<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T] & string;

interface StringSchema {
  readonly type: 'string';
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

interface EnumSchema<V extends string> {
  readonly type: 'string';
  readonly enum: readonly V[];
}

interface NumberSchema {
  readonly type: 'integer' | 'number';
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

interface ListSchema<E> {
  readonly type: 'array';
  readonly items: SchemaFor<E>;
  readonly minItems?: number;
  readonly maxItems?: number;
}

interface MapSchema {
  readonly type: 'object';
  readonly additionalProperties?: { readonly type: 'string' };
}

interface ReferenceSchema {
  readonly $ref: `#/definitions/${string}`;
}

interface ObjectSchema<T> {
  readonly type: 'object';
  readonly required: readonly RequiredKey<T>[];
  readonly properties: Properties<T>;
}

/** One schema for each key of the type: none forgotten, none that the type does not have. */
type Properties<T> = { readonly [K in keyof T]-?: SchemaFor<Exclude<T[K], undefined>> };

/** Schemas that a value of this type may have: a field that changes its kind no longer compiles. */
export type SchemaFor<V> = [V] extends [boolean]
  ? { readonly type: 'boolean' }
  : [V] extends [number]
    ? NumberSchema
    : [V] extends [string]
      ? string extends V
        ? StringSchema
        : EnumSchema<V>
      : [V] extends [readonly (infer E)[]]
        ? ListSchema<E>
        : string extends keyof V
          ? MapSchema
          : ReferenceSchema;

/**
 * The schema of an object type. The compiler compares both: `properties` must have exactly the type's
 * keys, each with a schema of its kind, and `required` exactly the keys that are not optional. Fields
 * the schema does not know pass: they are named as warnings elsewhere.
 */
export function objectSchema<T>(
  required: Readonly<Record<RequiredKey<T>, true>>,
  properties: Properties<T>,
): ObjectSchema<T> {
  return { type: 'object', required: keysOf(required), properties };
}

/** As `objectSchema`, for what decides about rights, privacy or many jobs at once: it refuses fields that it does not know. */
export function closedSchema<T>(
  required: Readonly<Record<RequiredKey<T>, true>>,
  properties: Properties<T>,
): ObjectSchema<T> & { readonly additionalProperties: false } {
  return { ...objectSchema<T>(required, properties), additionalProperties: false };
}

/** The schema of a union of words; a word that is missing does not compile. */
export function enumSchema<V extends string>(words: Readonly<Record<V, true>>): EnumSchema<V> {
  return { type: 'string', enum: keysOf(words) };
}

function keysOf<K extends string>(record: Readonly<Record<K, true>>): K[] {
  const keys: K[] = [];
  for (const key in record) keys.push(key);
  return keys;
}
