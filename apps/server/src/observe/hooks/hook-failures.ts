import type { Clock } from '@ezthrottle/engine';
import type { HookName } from './lifecycle-hooks.ts';

const EVERY_MS = 60_000;

/** Logs failures of hooks, one line a minute for each hook: one that is broken fails with every job. */
export function hookFailures(options: {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: { warn(details: object, message: string): void };
}): { tell(hook: HookName, error: unknown): void } {
  const { clock, logger } = options;
  const told = new Map<HookName, { readonly at: number; untold: number }>();
  return {
    tell(hook, error) {
      const last = told.get(hook);
      const now = clock.monotonic();
      if (last !== undefined && now - last.at < EVERY_MS) {
        last.untold += 1;
        return;
      }
      told.set(hook, { at: now, untold: 0 });
      const failures = 1 + (last?.untold ?? 0);
      logger.warn({ event: 'hook_failed', hook, failures, err: error }, 'a hook failed');
    },
  };
}
