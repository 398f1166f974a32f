/** What stands in the place of a redacted value. */
export const REDACTED = '[redacted]';

type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'place'; readonly index: number }
  | { readonly kind: 'every' }
  /** Wherever it stands below. */
  | { readonly kind: 'anywhere'; readonly name: string };

/** A path to any number of values. */
export type RedactionPath = readonly Step[];

const SEGMENT =
  /^(?:\.\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)|\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)|\[(\d{1,9})\]|\['([^'\\]*)'\]|(\[\*\]|\.\*))/;

const MAX_STEPS = 32;

/**
 * Paths as RFC 9535 writes them: `$`, then `.name`, `['name']`, `[0]`, `[*]` and `..name`.
 *
 * @returns Null for any other text.
 */
export function parseRedactionPath(text: string): RedactionPath | null {
  if (!text.startsWith('$')) return null;
  const steps: Step[] = [];
  let rest = text.slice(1);
  while (rest !== '') {
    const match = SEGMENT.exec(rest);
    if (match === null || steps.length >= MAX_STEPS) return null;
    const [whole, anywhere, member, index, quoted] = match;
    steps.push(stepOf(anywhere, member ?? quoted, index));
    rest = rest.slice(whole.length);
  }
  return steps.length === 0 ? null : steps;
}

function stepOf(anywhere?: string, member?: string, index?: string): Step {
  if (anywhere !== undefined) return { kind: 'anywhere', name: anywhere };
  if (member !== undefined) return { kind: 'member', name: member };
  return index === undefined ? { kind: 'every' } : { kind: 'place', index: Number(index) };
}

/**
 * A JSON text without the values at these paths. The very same text when there are none.
 *
 * @returns Null when it is no JSON that could be looked through.
 */
export function redactJson(text: string, paths: readonly RedactionPath[]): string | null {
  let root: unknown;
  try {
    root = JSON.parse(text, asWritten);
  } catch {
    return null;
  }
  let isChanged = false;
  for (const path of paths) if (redactAt(root, path)) isChanged = true;
  return isChanged ? JSON.stringify(root) : text;
}

/** A number that would lose digits stays as it was written, where the runtime can do so. */
function asWritten(_name: string, value: unknown, ...context: unknown[]): unknown {
  if (typeof value !== 'number') return value;
  const [place] = context;
  const isTold = typeof place === 'object' && place !== null && 'source' in place;
  const source: unknown = isTold ? place.source : undefined;
  const raw: unknown = Reflect.get(JSON, 'rawJSON');
  if (typeof source !== 'string' || source === String(value) || typeof raw !== 'function') {
    return value;
  }
  return Reflect.apply(raw, JSON, [source]);
}

/** Whether anything was there. Goes by a list of its own: what is nested deeply breaks no stack. */
function redactAt(root: unknown, path: RedactionPath): boolean {
  let isFound = false;
  const pending: { readonly value: unknown; readonly step: number }[] = [{ value: root, step: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, step: index } = next;
    const step = path[index];
    if (step === undefined || typeof value !== 'object' || value === null) continue;
    const isLast = index === path.length - 1;
    for (const name of Object.keys(value)) {
      const member: unknown = Reflect.get(value, name);
      const isMatch = matches(step, name, Array.isArray(value));
      if (isMatch && isLast) {
        Reflect.set(value, name, REDACTED);
        isFound = true;
        continue;
      }
      if (isMatch) pending.push({ value: member, step: index + 1 });
      if (step.kind === 'anywhere') pending.push({ value: member, step: index });
    }
  }
  return isFound;
}

function matches(step: Step, name: string, isList: boolean): boolean {
  switch (step.kind) {
    case 'every':
      return true;
    case 'place':
      return isList && name === String(step.index);
    case 'member':
    case 'anywhere':
      return !isList && name === step.name;
  }
}
