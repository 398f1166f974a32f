import { join } from 'node:path';
import type { Clock, Id, Store } from '@ezthrottle/engine';
import type { AppOptions } from '../app.ts';
import { NodeFencedError } from '../store/postgres/node-fenced-error.ts';
import type { createLogger } from '../observe/logger.ts';
import type { Outages } from '../observe/outages.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { OnClose } from './on-close.ts';
import type { Cluster } from './open-cluster.ts';

/** Where all is kept, and the others who keep it there. */
export interface State {
  readonly store: Store;
  /** Null: this machine is alone with its file. */
  readonly cluster: Cluster | null;
}

/** Opens the file of one machine, or joins those who share a database. */
export async function openState(
  options: AppOptions,
  parts: {
    readonly clock: Clock;
    readonly newId: () => Id;
    readonly logger: ReturnType<typeof createLogger>;
    /** Told when a database that others share answers. */
    readonly outages: Pick<Outages, 'answered'>;
  },
  onClose: OnClose,
): Promise<State> {
  const { config, dataDir, onFatal } = options;
  const { clock, logger } = parts;
  const { databaseUrl } = config;
  if (databaseUrl !== null) {
    // Only then: who has a file does without the driver.
    const { openCluster } = await import('./open-cluster.ts');
    const onFenced = (): void => onFatal(new NodeFencedError());
    return await openCluster({ ...parts, config, databaseUrl, onFenced }, onClose);
  }
  const file = join(dataDir, 'ezthrottle.db');
  const store = await (options.openStore ?? openSqliteStore)({ file, clock, logger });
  onClose(() => store.close());
  return { store, cluster: null };
}
