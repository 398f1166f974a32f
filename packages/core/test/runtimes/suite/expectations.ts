// No assertion library: this must run wherever the SDK does, and fail for no reason but the SDK's.

/** Both come to the same JSON, whatever the order of members. */
export function expectEqual(actual: unknown, expected: unknown): void {
  const [got, wanted] = [canonical(actual), canonical(expected)];
  if (got !== wanted) throw new Error(`expected ${wanted}, got ${got}`);
}

/** Of an object, the members that are named in `expected`. */
export function expectMembers(actual: unknown, expected: Readonly<Record<string, unknown>>): void {
  const members: Record<string, unknown> = {};
  for (const name of Object.keys(expected)) members[name] = memberOf(actual, name);
  expectEqual(members, expected);
}

export function expectTrue(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** The error that the work ends with, by throwing or by rejecting. */
export async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error, but there was none');
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function canonical(value: unknown): string {
  const text: string | undefined = JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );
  return text ?? 'undefined';
}
