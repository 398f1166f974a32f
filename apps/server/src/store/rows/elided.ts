/** Plain data of our own making: what `JSON.parse` gives, or will. */
type Members = Readonly<Record<string, unknown>>;

/** A member that is written elsewhere: left out, whatever it is. */
const APART = Symbol('apart');

/** What differs from the usual values: members that are the same are left out. Names are our own. */
export type Elide = (value: object) => Record<string, unknown>;

/**
 * Made once for each kind of value: this runs for every job and its run, several times each.
 *
 * @param apart Members that are written elsewhere: left out, too. Default: none.
 */
export function eliding(usual: Members, apart: readonly string[] = []): Elide {
  const leftOut = new Map<string, unknown>(Object.entries(usual));
  for (const name of apart) leftOut.set(name, APART);
  return (value) => {
    const kept: Record<string, unknown> = {};
    if (!isMembers(value)) return kept;
    for (const name of Object.keys(value)) {
      const member = value[name];
      const expected = leftOut.get(name);
      if (expected === APART || (expected !== undefined && isSame(member, expected))) continue;
      kept[name] = member;
    }
    return kept;
  };
}

/** Whether two pieces of plain data say the same. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) || Array.isArray(other)) return isSameList(one, other);
  if (!isMembers(one) || !isMembers(other)) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  for (const name of names) {
    if (!Object.hasOwn(other, name) || !isSame(one[name], other[name])) return false;
  }
  return true;
}

function isSameList(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) {
    if (!isSame(one[index], other[index])) return false;
  }
  return true;
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}
