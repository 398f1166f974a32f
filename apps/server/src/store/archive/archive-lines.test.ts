import fc from 'fast-check';
import { expect, it } from 'vitest';
import { linesOf } from './archive-lines.ts';

async function* cut(bytes: Buffer, ends: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const end of [...ends.toSorted((one, other) => one - other), bytes.length]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

it('the lines of a stream are the same wherever it is cut', async () => {
  const text = fc
    .array(fc.constantFrom('\n', 'a', 'ü', '\u{1f600}', '"'))
    .map((all) => all.join(''));
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat()), async (whole, places) => {
      const bytes = Buffer.from(whole);
      const ends = places.map((place) => place % (bytes.length + 1));
      const lines: string[] = [];
      for await (const line of linesOf(cut(bytes, ends))) lines.push(Buffer.from(line).toString());
      expect(lines).toEqual(whole.match(/[^\n]*\n|[^\n]+$/g) ?? []);
    }),
  );
});
