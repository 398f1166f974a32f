import type { Circuit, Id, PaceState } from '@ezthrottle/engine';
import type { PutLine } from '../cluster/peers.ts';
import type { SlotUser } from '../cluster/slot-user.ts';
import type { Service } from '../upkeep/service.ts';
import type { DividedDestinations } from './divided-destinations.ts';
import type { ForecastAnswer, ForecastQuestion } from './forecast-question.ts';
import type { JobGate } from './job-gate.ts';
import type { WaitingPlace } from './waiting-notices.ts';

/** What the dispatcher holds at this moment. */
export interface DispatcherCounts {
  readonly inFlight: number;
  /** Jobs in use: with an attempt that is armed or under way, or a write. */
  readonly activeJobs: number;
}

/** A call, and the line in which it may stand. */
export interface LinePlaceOf {
  readonly organization: Id;
  /** `lineName`. */
  readonly line: string;
  readonly jobId: Id;
  readonly leg: number;
}

/** Where a destination or a limit stands. */
export interface DestinationState {
  readonly pace: PaceState;
  readonly circuit: Circuit;
  /** Attempts in line that memory holds. */
  readonly waiting: number;
}

/** Runs jobs: takes them in, paces and sends their calls, and decides what follows from the answers. */
export interface Dispatcher extends JobGate, Service, SlotUser {
  /** What other nodes have to do with its destinations. */
  readonly division: DividedDestinations;
  counts(): DispatcherCounts;
  /** Null: nothing is going on at this destination. */
  stateOf(organization: Id, origin: string): DestinationState | null;
  /** Every destination at which something goes on. */
  states(): Iterable<DestinationState & { readonly organization: Id; readonly origin: string }>;
  /** The same for a limit that jobs name. */
  limitStateOf(organization: Id, name: string): DestinationState | null;
  /** Where a call waits: at which key, until when (milliseconds since the epoch), behind how many; null: it does not. */
  waitOf(place: LinePlaceOf): WaitingPlace | null;
  /** Whether the call of this token is under way, and since when; null: it is not. */
  callOf(token: string): { readonly startedAt: number; readonly sentAt: number | null } | null;
  /** Another node has put work into these lines. */
  found(lines: readonly PutLine[]): void;
  /** Looks for work in these slots that other nodes have written; undefined: in all that are this node's. */
  look(slots: readonly number[] | undefined): Promise<void>;
  /** Another node has moved this job on. */
  overtaken(id: Id): void;
  /** When a call that waits would start, and what goes before it. Changes nothing. */
  forecast(question: ForecastQuestion): Promise<ForecastAnswer>;
}
