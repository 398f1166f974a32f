import { SLOTS } from '@ezthrottle/engine';
import { listOf } from './columns.ts';
import type { SqlValue } from './database.ts';

const ALL: SqlValue = listOf(
  'int2',
  Array.from({ length: SLOTS }, (_, slot) => slot),
);

/** The slots that a read is about; absent: all of them. */
export function slotList(slots: readonly number[] | undefined): SqlValue {
  return slots === undefined ? ALL : listOf('int2', slots);
}
