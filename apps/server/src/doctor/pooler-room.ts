import { setTimeout as pause } from 'node:timers/promises';
import type { Probe } from '../store/postgres/probe.ts';
import type { DatabaseLook } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** Transactions of a busy node at one time: two that write jobs, one for its lease, one for the inbox. */
const WANTED = 4;
/** With one alone it waits for itself. */
const LEAST = 2;
/** A pooler that has a session to give gives it at once, or when the transaction of a node has ended. */
const PATIENCE_MS = 2_000;

/** How many transactions a pooler carries at one time: whoever finds no room waits, and is told nothing. */
export async function checkPoolerRoom(look: DatabaseLook): Promise<Finding> {
  const check = 'pooler_room';
  const room = await transactionsAtOnce(look);
  if (room >= WANTED) return ok(check, `the pooler carries ${WANTED} transactions at once`);
  const words = `the pooler carries ${room} ${room === 1 ? 'transaction' : 'transactions'} at once`;
  const fix = `set default_pool_size (or pool_size of this database) to ${WANTED} for each node at least in pgbouncer.ini`;
  return room < LEAST
    ? fail(check, `${words}: a node does not start`, fix)
    : warn(check, `${words}; a busy node has ${WANTED}`, fix);
}

async function transactionsAtOnce({ another }: DatabaseLook): Promise<number> {
  const probes: Probe[] = [];
  try {
    for (let open = 0; open < WANTED; open += 1) {
      const probe = await another();
      probes.push(probe);
      if (!(await hasBegun(probe))) return open;
    }
    return WANTED;
  } finally {
    await Promise.all(probes.map((probe) => probe.close()));
  }
}

async function hasBegun(probe: Probe): Promise<boolean> {
  const over = new AbortController();
  const begun = probe.query('BEGIN').then(
    () => true,
    () => false,
  );
  const late = pause(PATIENCE_MS, false, { signal: over.signal, ref: false }).catch(() => false);
  try {
    return await Promise.race([begun, late]);
  } finally {
    over.abort();
  }
}
