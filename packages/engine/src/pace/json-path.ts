const SEGMENT = /^(?:\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)|\[(\d{1,9})\]|\['([^'\\]*)'\])/;

/** Steps of a path: names of members, places in lists. */
export type JsonPath = readonly (string | number)[];

/** Most steps of a path. */
const MAX_STEPS = 32;

/**
 * A path to one value, as RFC 9535 writes it: `$`, then `.name`, `['name']` or `[0]`. No wildcards,
 * filters or ranges: they may find more than one.
 *
 * @returns Null for any other text.
 */
export function parseJsonPath(text: string): JsonPath | null {
  if (!text.startsWith('$')) return null;
  const steps: (string | number)[] = [];
  let rest = text.slice(1);
  while (rest !== '') {
    const match = SEGMENT.exec(rest);
    if (match === null || steps.length >= MAX_STEPS) return null;
    const [whole, name, place, quoted] = match;
    steps.push(place === undefined ? (name ?? quoted ?? '') : Number(place));
    rest = rest.slice(whole.length);
  }
  return steps.length === 0 ? null : steps;
}

/** What stands there; undefined when nothing does. Only members of the value's own are found. */
export function valueAt(root: unknown, path: JsonPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) !== (typeof step === 'number')) return undefined;
    if (!Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}
