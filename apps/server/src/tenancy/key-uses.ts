import type { Clock } from '@ezthrottle/engine';
import { createPeriodic } from '../upkeep/periodic.ts';
import type { Service } from '../upkeep/service.ts';
import type { ApiKeys } from './api-keys.ts';
import type { Commit } from './committing.ts';

/** How often uses are written, in milliseconds: one write for all keys, never one per request. */
const WRITE_EVERY_MS = 60_000;
const ROWS_PER_WRITE = 200;

/** Writes when keys were used last, now and then, and once more when it stops. */
export function createKeyUses(options: {
  readonly keys: Pick<ApiKeys, 'takeUses'>;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly logger: { error(details: object, message: string): void };
}): Service {
  const { keys, commit, clock, logger } = options;

  async function write(): Promise<void> {
    const rows = keys.takeUses();
    for (let start = 0; start < rows.length; start += ROWS_PER_WRITE) {
      await commit({ type: 'touch_api_keys', rows: rows.slice(start, start + ROWS_PER_WRITE) });
    }
  }

  const onError = (error: unknown): void =>
    logger.error(
      { event: 'key_uses_not_written', err: error },
      'when keys were used last could not be written',
    );
  const periodic = createPeriodic({
    name: 'key uses',
    clock,
    everyMs: WRITE_EVERY_MS,
    round: write,
    onError,
  });
  return {
    name: periodic.name,
    start: () => periodic.start(),
    async stop() {
      await periodic.stop();
      await write().catch(onError);
    },
  };
}
