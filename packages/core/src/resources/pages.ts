import { unexpectedAnswer } from './checked-answer.ts';

/** Something listed page by page; pages are fetched as they are needed. */
export interface PagedListing<Page, Item> extends AsyncIterable<Item> {
  pages(): AsyncIterable<Page>;
  /** The first page alone. */
  page(): Promise<Page>;
}

/**
 * Goes from page to page by their cursors.
 *
 * @param first Cursor to begin at; undefined: at the beginning.
 * @throws {EZThrottleError} `unexpected_answer`, from the iterators, when the cursors go round in a circle.
 */
export function pagedListing<Page extends { readonly next_cursor: string | null }, Item>(
  fetchPage: (cursor: string | undefined) => Promise<Page>,
  first: string | undefined,
  itemsOf: (page: Page) => readonly Item[],
): PagedListing<Page, Item> {
  async function* pages(): AsyncGenerator<Page> {
    let kept = first;
    let cursor = first;
    for (let count = 1; ; count += 1) {
      const page = await fetchPage(cursor);
      const next = page.next_cursor;
      yield page;
      if (next === null) return;
      if (next === kept) throw unexpectedAnswer('the next page: its cursors go round in a circle');
      cursor = next;
      // Kept at every power of two: a circle of any length comes back to one of them.
      if ((count & (count - 1)) === 0) kept = next;
    }
  }
  return {
    pages,
    page: () => fetchPage(first),
    async *[Symbol.asyncIterator]() {
      for await (const page of pages()) yield* itemsOf(page);
    },
  };
}
