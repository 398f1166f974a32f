import { RedactionWalk } from './redaction-walk.ts';

/** What stands in the place of a redacted value, or of a body that cannot be looked through. */
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
 * A JSON text without the values at these paths; all else stays to the letter. The work goes by the length
 * of the text and the number of paths, whatever stands in either.
 *
 * @returns Null when it is no JSON that could be looked through.
 */
export function redactJson(text: string, paths: readonly RedactionPath[]): string | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  return new RedactionWalk(text, paths, JSON.stringify(REDACTED)).run();
}
