import type {
  DeliverySchedule,
  Id,
  LimitSettings,
  LiveRegions,
  PaceSettings,
} from '@ezthrottle/engine';
import type { Network } from '../network/network.ts';
import type { MemoryStore } from '../store/memory-store.ts';
import type { VirtualClock } from '../time/virtual-clock.ts';

/** What the runners work with. */
export interface RunParts {
  readonly store: MemoryStore;
  readonly clock: VirtualClock;
  readonly network: Network;
  /** Pace of a destination before it has taught anything. */
  readonly settings: (origin: string) => PaceSettings;
  /** Limits in force, by key. */
  readonly limits: ReadonlyMap<string, LimitSettings>;
  readonly liveRegions: LiveRegions;
  readonly random: () => number;
  readonly newToken: () => string;
  readonly idempotencyWindowMs: number;
  readonly schedule: DeliverySchedule;
  /** What signs deliveries, the primary secret first; null: no secret does. */
  readonly signersOf: (organization: Id) => {
    readonly secret: string | null;
    readonly furtherKeys: readonly string[];
  };
}
