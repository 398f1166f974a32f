import type {
  AttemptReport,
  CircuitPolicy,
  Clock,
  DeliveryRecord,
  Executor,
  Id,
  LimitSettings,
  LiveRegions,
  Operation,
  PaceSettings,
  Store,
  Verdict,
} from '@ezthrottle/engine';
import type { LoadMeter } from '../admission/load-meter.ts';
import type { Ownership } from '../cluster/ownership.ts';
import type { Peers } from '../cluster/peers.ts';
import type { DividedKeys } from '../cluster/division/divided-keys.ts';
import type { SharedLimits } from '../cluster/shares/shared-limits.ts';
import type { JobResult } from '../deliver/job-result.ts';
import type { Tracing } from '../observe/tracing/tracing.ts';
import type { Signals } from '../observe/signals.ts';
import type { DispatchTap } from '../recording/recorder.ts';
import type { JobNotices } from '../realtime/job-event.ts';
import type { RegionWatch } from '../regions/region-watch.ts';
import type { DispatchLimits } from './dispatch-limits.ts';

/** The part of pino's logger that the dispatcher uses. */
export interface DispatchLogger {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Writes of one turn share one transaction; they are applied in the order of the calls. */
export interface OperationWriter {
  write(operation: Operation): Promise<Verdict>;
}

/** What is changed about destinations by hand, while it runs. */
export interface DestinationEdits {
  /** Nothing is sent until then, in milliseconds since the epoch; Infinity: no end; null: no such pause. */
  pausedUntil(organization: Id, origin: string): number | null;
  /** Told when settings or the pause of a destination have changed. Returns what ends it. */
  onChanged(listener: (organization: Id, origin: string) => void): () => void;
}

/** Limits that jobs name, as they are at this moment. */
export interface NamedLimits {
  /** Null: there is no such limit. */
  settingsOf(organization: Id, key: string): LimitSettings | null;
  /** Told when one has changed, was made or has gone. Returns what ends it. */
  onChanged(listener: (organization: Id, key: string) => void): () => void;
}

/** What the dispatcher works with. */
export interface DispatcherParts {
  readonly store: Pick<Store, 'jobs' | 'work'>;
  readonly committer: OperationWriter;
  readonly executor: Executor;
  readonly clock: Clock;
  /** Pace of a destination before it has taught anything. */
  readonly settings: (origin: string, organization: Id) => PaceSettings;
  /** Absent: nothing is ever changed. */
  readonly edits?: DestinationEdits;
  /** Absent: there are none, and who names one is held back by nothing. */
  readonly namedLimits?: NamedLimits;
  /** What all organizations together may send to an origin. Absent: nothing is said. */
  readonly caps?: ReadonlyMap<string, PaceSettings>;
  /** A report without what its organization does not keep. Absent: all is kept. */
  readonly keptReport?: (organization: Id, report: AttemptReport) => AttemptReport;
  /** Whether an organization has secrets that answers must not show. Absent: none has. */
  readonly hasSecrets?: (organization: Id) => boolean;
  /** Turns of an API key for each one that another has, 0.1 to 100. Absent: 1 for everybody. */
  readonly weightOf?: (apiKey: Id) => number;
  /** When a destination is taken for down; null: never. Default `DEFAULT_CIRCUIT`. */
  readonly circuit?: CircuitPolicy | null;
  /** Which lines are admitted here. Absent: all of them. */
  readonly ownership?: Ownership | undefined;
  /** Absent: there are no other nodes. */
  readonly peers?: Peers | undefined;
  /** Limits that other nodes spend as well. Absent: there are none. */
  readonly shares?: SharedLimits | undefined;
  /** Destinations that are divided among nodes by account. Absent: none is. */
  readonly divided?: DividedKeys | undefined;
  /** From which calls may leave at this moment. */
  readonly liveRegions: () => LiveRegions;
  /** How they fare. Absent: there is nothing to choose. */
  readonly regions?: RegionWatch | undefined;
  readonly notices: JobNotices;
  /** Told of what comes in. Absent: nobody is. */
  readonly tap?: DispatchTap | undefined;
  /** Told of every job that is taken in, spawned ones too, and of each that ends. Absent: nobody counts. */
  readonly meter?: Pick<LoadMeter, 'taken' | 'untaken' | 'ended'>;
  /** Told what happens, whoever's job it is. Absent: nobody wants to know. */
  readonly signals?: Signals | undefined;
  /** Which trace a call belongs to, by its token, once it was told of in `signals`. Absent: none does. */
  readonly tracing?: Pick<Tracing, 'contextOf'> | undefined;
  /** Told of deliveries that are on disk, with what they tell when memory has it. */
  readonly deliverer: {
    offer(deliveries: readonly DeliveryRecord[], result?: JobResult | null): void;
  };
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** A name for an attempt that nobody can guess or has used. */
  readonly newToken: () => string;
  readonly logger: DispatchLogger;
  /** How long keys of spawned jobs stay taken after their end, in milliseconds. Default 24 h. */
  readonly idempotencyWindowMs?: number;
  /** Waits before each attempt of a delivery, in milliseconds. Default: the protocol's. */
  readonly deliveryDelaysMs?: readonly number[];
  /** Those that are left out have their defaults. */
  readonly limits?: Partial<DispatchLimits>;
}
