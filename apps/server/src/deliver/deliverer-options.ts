import type {
  Clock,
  DeliveryReads,
  Executor,
  Id,
  JobReads,
  LiveRegions,
  Operation,
  Verdict,
} from '@ezthrottle/engine';
import type { Ownership } from '../cluster/ownership.ts';
import type { Peers } from '../cluster/peers.ts';
import type { Signals } from '../observe/signals.ts';
import type { Tracing } from '../observe/tracing/tracing.ts';
import type { RegionWatch } from '../regions/region-watch.ts';
import type { SettledAttempt } from './delivery-attempt.ts';
import type { Endpoints } from './endpoints.ts';

/** The part of pino's logger that the deliverer uses. */
export interface DelivererLogger {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface DelivererOptions {
  readonly store: {
    readonly jobs: Pick<JobReads, 'get' | 'responses'>;
    readonly deliveries: Pick<DeliveryReads, 'due' | 'nextDueAt'>;
  };
  readonly committer: { write(operation: Operation): Promise<Verdict> };
  /** Its own: the deliverer takes all reports. Closed by whoever made it, after `stop`. */
  readonly executor: Executor;
  readonly clock: Clock;
  /** Signing secrets, the primary first; none: deliveries go out unsigned. */
  readonly secretsOf: (organization: Id) => Promise<readonly string[]>;
  /** Keys that sign beside the secrets, `whsk_`, the newest first. Default: none. */
  readonly signingKeysOf?: (organization: Id) => Promise<readonly string[]>;
  /** Which endpoints are disabled. Default: none is. */
  readonly endpoints?: Pick<Endpoints, 'isDisabled' | 'lookUp' | 'gone'>;
  /** Regions from which deliveries may leave. Default: any. */
  readonly liveRegions?: () => LiveRegions;
  /** How they fare. Default: there is nothing to choose. */
  readonly regions?: RegionWatch | undefined;
  /** Which endpoints are served here. Absent: all of them. */
  readonly ownership?: Ownership | undefined;
  /** Absent: there are no other nodes. */
  readonly peers?: Pick<Peers, 'due'> | undefined;
  /** Deliveries per second to one origin of an organization. Default: as many as it bears. */
  readonly ratePerSecond?: number | null;
  /** Waits before each attempt, in milliseconds; the last one repeats. */
  readonly delaysMs: readonly number[];
  /** From a delivery's creation, in milliseconds: no attempt begins later. */
  readonly giveUpMs: number;
  /** Milliseconds for one attempt, connecting included. */
  readonly timeoutMs: number;
  /** Attempts under way at once. Default 256. */
  readonly concurrency?: number;
  /** Of these, to one origin of an organization. Default 64. */
  readonly perEndpointConcurrency?: number;
  /** From 0 up to 1, for the jitter of later attempts. */
  readonly random: () => number;
  readonly newToken: () => string;
  readonly logger: DelivererLogger;
  /** Told after each attempt that is on disk. */
  readonly onSettled?: (attempt: SettledAttempt) => void;
  /** Told what happens, whoever's delivery it is. Absent: nobody wants to know. */
  readonly signals?: Signals | undefined;
  /** Tells of deliveries as spans. Absent: nobody wants to know. */
  readonly tracing?: Pick<Tracing, 'deliver'> | undefined;
  /** How long `stop` waits for answers before it breaks the calls off, in milliseconds. Default 10 000. */
  readonly stopTimeoutMs?: number;
  /** Default `EZThrottle-Webhooks`. */
  readonly userAgent?: string;
}
