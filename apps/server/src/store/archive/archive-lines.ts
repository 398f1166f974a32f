import { ArchiveError } from './archive-format.ts';

/** Longer than any row that a server writes: its bodies are bounded. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;
const LINE_END = 0x0a;

/**
 * The lines of a stream, as bytes with their ends. What stands behind the last end is a line as well.
 *
 * @throws ArchiveError for a line that is longer than any row.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const at = chunk.indexOf(LINE_END, start);
      const part = at < 0 ? chunk.subarray(start) : chunk.subarray(start, at + 1);
      bytes += part.length;
      if (bytes > MAX_LINE_BYTES) {
        throw new ArchiveError('not_an_archive', `a line is longer than ${MAX_LINE_BYTES} bytes`);
      }
      parts.push(part);
      if (at < 0) break;
      yield Buffer.concat(parts);
      parts = [];
      bytes = 0;
      start = at + 1;
    }
  }
  if (bytes > 0) yield Buffer.concat(parts);
}
