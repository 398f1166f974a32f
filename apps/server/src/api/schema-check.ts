import type { Problem } from '@ezthrottle/core/protocol';
import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';
import { Ajv, type ValidateFunction } from 'ajv';
import { schemaProblems } from './schema-problems.ts';

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Every error, nothing converted, nothing removed. */
const ajv = new Ajv({ allErrors: true, coerceTypes: false, removeAdditional: false });

/** A check against a schema, compiled at its first use and then kept. */
export function schemaCheck<T>(schema: JsonSchema): (value: unknown) => Checked<T> {
  // By name it could be compiled once only, and two routes may have the same.
  const { $id: _, ...anonymous } = schema;
  let validate: ValidateFunction<T> | null = null;
  return (value) => {
    validate ??= ajv.compile<T>(anonymous);
    if (validate(value)) return { ok: true, value };
    return { ok: false, problems: schemaProblems(validate.errors ?? [], value) };
  };
}
