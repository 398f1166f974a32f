/** Texts by their code points, as UTF-8 sorts; their UTF-16 units sort otherwise. */
export function compareCodePoints(one: string, other: string): number {
  const [left, right] = [Array.from(one), Array.from(other)];
  for (const [index, character] of left.entries()) {
    const opposite = right[index];
    if (opposite === undefined) return 1;
    const difference = (character.codePointAt(0) ?? 0) - (opposite.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
