/**
 * The line in which a call stands: its origin, and behind it the limits that the call counts against
 * beside its destination. Calls of one line count against the very same keys, so that one which is held
 * back holds back nobody that it should not.
 */
export interface LineName {
  readonly origin: string;
  /** Keys of limits as resources, each once. */
  readonly limits: readonly string[];
}

/** The line's name as the store keeps it. An origin has no space, so the two cannot be mixed up. */
export function lineName({ origin, limits }: LineName): string {
  return limits.length === 0 ? origin : `${origin} ${JSON.stringify(limits.toSorted())}`;
}

/** A name that is not ours is taken for an origin. */
export function parseLineName(name: string): LineName {
  const end = name.indexOf(' ');
  if (end === -1) return { origin: name, limits: [] };
  return { origin: name.slice(0, end), limits: limitsOf(name.slice(end + 1)) };
}

function limitsOf(text: string): readonly string[] {
  let limits: unknown;
  try {
    limits = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(limits) ? limits.filter((limit) => typeof limit === 'string') : [];
}
