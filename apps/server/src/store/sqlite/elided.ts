type Members = Readonly<Record<string, unknown>>;

/** What differs from the usual values: members that are the same are left out. Names are our own. */
export function elided(value: object, usual: Members): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (!(name in usual && isSame(member, usual[name]))) kept[name] = member;
  }
  return kept;
}

/** Whether two pieces of plain data say the same. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object') return false;
  if (one === null || other === null) return false;
  if (Array.isArray(one) || Array.isArray(other)) return isSameList(one, other);
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  if (names.length === 0) return true;
  const others = new Map(Object.entries(other));
  return Object.entries(one).every(
    ([name, member]) => others.has(name) && isSame(member, others.get(name)),
  );
}

function isSameList(one: object, other: object): boolean {
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
  return one.every((member, index) => isSame(member, other[index]));
}
