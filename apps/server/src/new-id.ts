import { randomFillSync } from 'node:crypto';
import type { Clock, Id } from '@ezthrottle/engine';
import { v7 } from 'uuid';

const ID_BYTES = 16;
/** Random bytes are fetched for so many identifiers at once: each fetch costs as much as making ten. */
const FETCHED_IDS = 256;

/**
 * Makes UUIDs of version 7 that grow within this process: those of one millisecond count on, and the
 * clock going back does not take them back.
 */
export function createNewId(clock: Pick<Clock, 'now'>): () => Id {
  const pool = Buffer.alloc(ID_BYTES * FETCHED_IDS);
  let used = pool.length;
  let msecs = Number.NEGATIVE_INFINITY;
  let seq = 0;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const random = pool.subarray(used, used + ID_BYTES);
    used += ID_BYTES;
    const now = clock.now();
    if (now > msecs) {
      msecs = now;
      // 31 bits, so that a millisecond has room to count on.
      seq = random.readUInt32BE(6) >>> 1;
    } else {
      seq = (seq + 1) >>> 0;
      if (seq === 0) msecs += 1;
    }
    return v7({ random, msecs, seq });
  };
}
