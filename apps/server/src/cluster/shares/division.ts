import { divideAmongHomes, intervalMs, type PaceSettings } from '@ezthrottle/engine';
import { isHomeKey } from './others-at-home.ts';
import type { Division, ShareView } from './share-rows.ts';

/** Longer than rows of a node that lives can be out of date, and than its lease lasts. */
const GONE_MS = 20_000;

/** What follows from the rows of one limit. */
export function divisionOf(settings: PaceSettings | null, view: ShareView): Division {
  const { databaseNow: now } = view;
  const rows = view.rows.map((row) => ({ ...row, accounts: row.usage.accounts ?? 0 }));
  const homes = rows.filter(({ isCurrent }) => isCurrent);
  const keptMs = GONE_MS + (settings === null ? 0 : refillMs(settings));
  return {
    grants: settings === null ? [] : divideAmongHomes({ limit: settings, homes, now }),
    // Whoever has spent some of it leaves a row for as long as that can be missed, but for a key's own home.
    isFresh: rows.length === 1 && rows.every(({ key, grant }) => grant === 0 && !isHomeKey(key)),
    gone: rows
      .filter(({ isCurrent, seenAt }) => !isCurrent && now - seenAt > keptMs)
      .map(({ home }) => home),
  };
}

/** How long it takes at the most until the whole burst of a limit has come back. */
export function refillMs(settings: Pick<PaceSettings, 'ratePerSecond' | 'burst'>): number {
  return Math.max(2, settings.burst) * intervalMs(settings);
}
