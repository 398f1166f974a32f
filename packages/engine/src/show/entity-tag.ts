/** The value of an `ETag` header. */
export function entityTag(version: string): string {
  return `"${version}"`;
}

/** What a caller demands of what is there: `If-Match` with versions or `*`, `If-None-Match: *`. */
export interface Preconditions {
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
}

/**
 * Why a change does not hold to what its caller has seen; null: it does.
 *
 * @param version What is there; null: nothing.
 */
export function failedPrecondition(
  { ifMatch, ifNoneMatch }: Preconditions,
  version: string | null,
): string | null {
  if (ifMatch !== null && !isNamed(ifMatch, version)) {
    return failed(version === null ? 'is not there' : 'has been changed by somebody else');
  }
  return ifNoneMatch !== null && isNamed(ifNoneMatch, version) ? failed('is there already') : null;
}

/** A weak tag names nothing: it does not say that two are the same. */
function isNamed(tags: string, version: string | null): boolean {
  if (version === null) return false;
  const named = tags.split(',').map((tag) => tag.trim());
  return named.includes('*') || named.includes(entityTag(version));
}

function failed(why: string): string {
  return `nothing was done: what was to be changed ${why}`;
}
