import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';
import type { ErrorObject, ValidateFunction } from 'ajv';

/** Taking something out may show what was hidden behind it: so often it is looked at again. */
const MOST_ROUNDS = 8;

/**
 * What is left of a value when all is taken out that the schema does not allow, so that the rest can be looked
 * at for what no schema says. Null: nothing that is an object.
 *
 * @param fits A check against `partial` of the schema.
 */
export function soundPart<T>(fits: ValidateFunction<T>, value: unknown): T | null {
  const rest: unknown = structuredClone(value);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    if (fits(rest)) return rest;
    for (const error of fits.errors ?? []) {
      if (error.instancePath === '') return null;
      takeOut(rest, error);
    }
  }
  return null;
}

/** The same schema, of which any member may be missing, and which lets pass what it does not know. */
export function partial({ required: _required, ...schema }: JsonSchema): JsonSchema {
  return JSON.parse(
    JSON.stringify(schema, (keyword, value: unknown) =>
      keyword === 'additionalProperties' && value === false ? undefined : value,
    ),
  );
}

/** The member that is wrong; the whole list where it is an entry, since the others would change places. */
function takeOut(from: unknown, { instancePath }: ErrorObject): void {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let holder: object | null = null;
  let member = '';
  let at = from;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return;
    if (!Array.isArray(at)) [holder, member] = [at, part];
    at = Reflect.get(at, part);
    if (holder !== null && Array.isArray(Reflect.get(holder, member))) break;
  }
  if (holder !== null) Reflect.deleteProperty(holder, member);
}
