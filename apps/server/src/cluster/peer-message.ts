import type { Id } from '@ezthrottle/engine';
import type { JobNotice } from '../realtime/job-event.ts';
import type { PutLine } from './peers.ts';

/** What one node tells the others at one time. Everything in it is a hint: the store has the truth. */
export interface PeerMessage {
  readonly from: Id;
  /** Lines with new work. */
  readonly put: readonly PutLine[];
  /** Slots with new work, where there were too many lines to name. */
  readonly slots: readonly number[];
  /** Slots with deliveries that are due. */
  readonly due: readonly number[];
  /** Jobs that were moved on. */
  readonly moved: readonly Id[];
  /** What has happened to jobs that somebody watches. */
  readonly notices: readonly JobNotice[];
  /** Not empty: something that every node keeps in memory has changed. */
  readonly revised: readonly true[];
  /** Jobs that somebody watches at this node. */
  readonly watched: readonly Id[];
  /** Not empty: a redrive was begun. */
  readonly redrives: readonly true[];
  /** Keys of limits whose shares have changed, or are to be. */
  readonly limits: readonly string[];
}

export type PeerNews = Omit<PeerMessage, 'from'>;

const NO_NEWS: PeerNews = {
  put: [],
  slots: [],
  due: [],
  moved: [],
  notices: [],
  revised: [],
  redrives: [],
  watched: [],
  limits: [],
};

/** A notification carries less than 8,000 bytes. */
const MAX_BYTES = 7_500;

/** As many texts as it takes, so that each fits into a notification. What does not fit by itself is left out. */
export function encodePeerNews(from: Id, news: PeerNews): readonly string[] {
  const texts: string[] = [];
  let parts: Record<string, unknown[]> = {};
  let bytes = 0;
  const empty = Buffer.byteLength(JSON.stringify({ from, ...NO_NEWS }));
  const flush = (): void => {
    if (bytes > 0) texts.push(JSON.stringify({ from, ...parts }));
    parts = {};
    bytes = 0;
  };
  for (const [name, items] of Object.entries(news)) {
    for (const item of items) {
      const size = Buffer.byteLength(JSON.stringify(item)) + 1;
      if (empty + size > MAX_BYTES) continue;
      if (empty + bytes + size > MAX_BYTES) flush();
      (parts[name] ??= []).push(item);
      bytes += size;
    }
  }
  flush();
  return texts;
}

/** Null: it is none, of another version perhaps. */
export function decodePeerMessage(text: string): PeerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('from' in value)) return null;
  if (typeof value.from !== 'string') return null;
  // Whoever may notify may write every row as well: what stands in it is ours.
  return { ...NO_NEWS, ...value, from: value.from };
}
