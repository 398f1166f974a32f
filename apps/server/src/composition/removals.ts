import type { Config } from '../config.ts';
import { createSweeper, type SweeperOptions } from '../privacy/sweeper.ts';
import { createPruner, type PrunerOptions } from '../upkeep/pruner.ts';
import type { Service } from '../upkeep/service.ts';

export interface RemovalsOptions
  extends Pick<PrunerOptions, 'committer' | 'clock' | 'logger' | 'isOurs'> {
  readonly config: Pick<Config, 'retentionMs' | 'auditRetentionMs'>;
  readonly privacy: SweeperOptions['settings'];
  readonly reads: SweeperOptions['reads'];
}

/** How often it is looked for what few of are kept, in milliseconds. */
const SELDOM_MS = 60_000;

/** What removes things that were kept for long enough. */
export function removals(options: RemovalsOptions): readonly Service[] {
  const { config, privacy, reads, ...upkeep } = options;
  const { retentionMs, auditRetentionMs } = config;
  return [
    createPruner({ ...upkeep, retentionMs }),
    createPruner({
      ...upkeep,
      retentionMs: auditRetentionMs,
      everyMs: SELDOM_MS,
      removal: (before, limit) => ({ type: 'prune_audit', before, limit }),
    }),
    createPruner({
      ...upkeep,
      retentionMs,
      everyMs: SELDOM_MS,
      // With it go all of its items.
      stepRows: 1,
      removal: (before, limit) => ({ type: 'prune_redrives', before, limit }),
    }),
    createSweeper({ ...upkeep, settings: privacy, reads }),
  ];
}
