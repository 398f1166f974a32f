/** Plain data of our own making: what `JSON.parse` gives, or will. */
type Members = Readonly<Record<string, unknown>>;

const NONE: ReadonlySet<string> = new Set();

/**
 * What differs from the usual values: members that are the same are left out. Names are our own.
 *
 * @param apart Members that are written elsewhere: left out, too.
 */
export function elided(
  value: object,
  usual: Members,
  apart: ReadonlySet<string> = NONE,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  if (!isMembers(value)) return kept;
  // By name, without lists of pairs: this runs for every job and its run, several times each.
  for (const name of Object.keys(value)) {
    if (apart.has(name)) continue;
    const member = value[name];
    if (!(name in usual && isSame(member, usual[name]))) kept[name] = member;
  }
  return kept;
}

/** Whether two pieces of plain data say the same. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) || Array.isArray(other)) return isSameList(one, other);
  if (!isMembers(one) || !isMembers(other)) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => Object.hasOwn(other, name) && isSame(one[name], other[name]));
}

function isSameList(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
  return one.every((member, index) => isSame(member, other[index]));
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}
