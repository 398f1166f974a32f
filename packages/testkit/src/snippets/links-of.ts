import GithubSlugger from 'github-slugger';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { toString as textOf } from 'mdast-util-to-string';
import { visit } from 'unist-util-visit';

/** A link, an image or a link definition of a document. */
export interface Link {
  /** The address as written, such as `../spec/states.md#jobs`. */
  readonly target: string;
  /** Line of the document, from 1. */
  readonly line: number;
}

/** All links and images of a Markdown document, in order. What stands in code is none. */
export function linksOf(markdown: string): Link[] {
  const links: Link[] = [];
  visit(fromMarkdown(markdown), (node) => {
    if (node.type !== 'link' && node.type !== 'image' && node.type !== 'definition') return;
    links.push({ target: node.url, line: node.position?.start.line ?? 1 });
  });
  return links;
}

/** The anchors that a document's headings get where it is shown: `#how-it-flows` without the `#`. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const slugger = new GithubSlugger();
  visit(fromMarkdown(markdown), 'heading', (node) => {
    anchors.add(slugger.slug(textOf(node)));
  });
  return anchors;
}
