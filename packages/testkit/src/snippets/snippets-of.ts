import { fromMarkdown } from 'mdast-util-from-markdown';
import { toString as textOf } from 'mdast-util-to-string';
import { visit } from 'unist-util-visit';

/** A code block of a document. */
export interface Snippet {
  /** First word of the info string, in small letters; empty when there is none. */
  readonly language: string;
  /** Its lines as a reader copies them, without a newline at the end. */
  readonly code: string;
  /** Line of the document, from 1, on which the code begins. */
  readonly line: number;
  /** The other words of the info string: `type-only` in ```` ```ts type-only ````. */
  readonly attributes: readonly string[];
  /** Text of the heading it stands under. */
  readonly name?: string;
}

/** All code blocks of a Markdown document, in order, also those in lists and quotes. */
export function snippetsOf(markdown: string): Snippet[] {
  const snippets: Snippet[] = [];
  const lines = markdown.split(/\r\n|\r|\n/);
  let heading: string | null = null;
  visit(fromMarkdown(markdown), (node) => {
    if (node.type === 'heading') heading = textOf(node);
    if (node.type !== 'code' || node.position === undefined) return;
    const first = node.position.start.line;
    const isFenced = /(`{3}|~{3})/.test(lines[first - 1] ?? '');
    snippets.push({
      language: (node.lang ?? '').toLowerCase(),
      code: node.value,
      line: isFenced ? first + 1 : first,
      attributes: (node.meta ?? '').split(/\s+/).filter((word) => word !== ''),
      ...(heading === null ? {} : { name: heading }),
    });
  });
  return snippets;
}
