import type { Problem } from '@ezthrottle/core/protocol';
import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';
import { Ajv, type ValidateFunction } from 'ajv';
import { schemaProblems } from './schema-problems.ts';
import { partial, soundPart } from './sound-part.ts';

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

/**
 * A check against a schema and against what no schema says, together: also where the schema is not met, the rest
 * is looked at, and all is told at once.
 *
 * @param more Problems of what is right by the schema; where that is not all, members are missing.
 */
export function fullCheck<T extends object>(
  schema: JsonSchema,
  more: (sound: Partial<T>) => readonly Problem[],
): (value: unknown) => Checked<T> {
  const check = schemaCheck<T>(schema);
  let fits: ValidateFunction<Partial<T>> | null = null;
  return (value) => {
    const checked = check(value);
    if (checked.ok) {
      const problems = more(checked.value);
      return problems.length === 0 ? checked : { ok: false, problems };
    }
    const { $id: _, ...anonymous } = partial(schema);
    fits ??= ajv.compile<Partial<T>>(anonymous);
    const sound = soundPart(fits, value);
    const told = new Set(checked.problems.map(({ path }) => path));
    const others = sound === null ? [] : more(sound).filter(({ path }) => !told.has(path));
    return { ok: false, problems: [...checked.problems, ...others] };
  };
}
