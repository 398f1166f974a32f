type Members = Readonly<Record<string, unknown>>;

/** What differs from the usual values: members that are the same are left out. */
export function elided(value: object, usual: Members): Record<string, unknown> {
  // From entries, not by assignment: `__proto__` is a name that a member may have.
  return Object.fromEntries(
    Object.entries(value).filter(
      ([name, member]) => !(Object.hasOwn(usual, name) && isSame(member, usual[name])),
    ),
  );
}

/** Whether two pieces of plain data say the same. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object') return false;
  if (one === null || other === null || Array.isArray(one) !== Array.isArray(other)) return false;
  const members = Object.entries(one);
  if (members.length !== Object.keys(other).length) return false;
  const others = new Map(Object.entries(other));
  return members.every(([name, member]) => others.has(name) && isSame(member, others.get(name)));
}
