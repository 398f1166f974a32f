import type { Id } from '@ezthrottle/engine';
import { parseId } from './job-id.ts';

export interface Cursor {
  readonly createdAt: number;
  readonly id: Id;
}

/** A place in a list, opaque to clients. */
export function formatCursor(cursor: Cursor): string {
  return Buffer.from(`${cursor.createdAt}.${cursor.id}`).toString('base64url');
}

/** Null when the text is not a cursor of ours. */
export function parseCursor(text: string): Cursor | null {
  const match = /^(\d{1,16})\.([\da-f-]{36})$/.exec(
    Buffer.from(text, 'base64url').toString('latin1'),
  );
  const [, at, idText] = match ?? [];
  if (at === undefined || idText === undefined) return null;
  const id = parseId(idText);
  return id === null ? null : { createdAt: Number(at), id };
}
