import type { ClusterRows } from '../cluster-database.test-support.ts';
import type { ClusterOperation, ClusterView } from '../cluster-view.ts';
import type { Lease } from '../lease.ts';
import type { LeavingSlot } from '../membership.ts';

/** One try of a job. The number is the token: it is never given twice. */
export interface Attempt {
  readonly job: number;
  readonly number: number;
}

/** A job as its row has it. */
export interface JobRow {
  readonly state: 'ready' | 'armed' | 'ended';
  /** Of the attempt that was armed last. */
  readonly number: number;
}

/** What a node and the database are about over its place in the cluster. */
export type Control =
  | { readonly step: 'idle' }
  /** Renewal and reading are on their way; the lease is what they will have given, null: it is over. */
  | { readonly step: 'asked'; readonly lease: Lease | null }
  | { readonly step: 'answered'; readonly lease: Lease | null; readonly view: ClusterView }
  | { readonly step: 'acting'; readonly operations: readonly ClusterOperation[] };

/** A write about a job, on its way. */
export interface Write {
  readonly type: 'arm' | 'settle' | 'recover';
  readonly epoch: number;
  readonly attempt: Attempt;
}

export interface NodeState {
  /** `asleep`: paused together with its machine, so that the monotonic clock stands still. */
  readonly mode: 'running' | 'paused' | 'asleep' | 'dead';
  /** 0: it has not joined, or was fenced. */
  readonly epoch: number;
  readonly isDraining: boolean;
  readonly leaving: readonly (readonly [number, LeavingSlot])[];
  /** Counted from now on both clocks; null: over. */
  readonly lease: Lease | null;
  readonly serves: readonly number[];
  readonly holds: readonly number[];
  readonly control: Control;
  readonly write: Write | null;
  /** Armed, to be sent. */
  readonly ready: readonly Attempt[];
  /** The lease was looked at for this one; the next thing that the node does is to send it. */
  readonly checked: Attempt | null;
  /** Handed to a socket and not answered. */
  readonly out: readonly Attempt[];
  /** Times that it stood still. */
  readonly stops: number;
  /** Calls handed to sockets when the slot was not its own any more. */
  readonly late: number;
}

/** How often each fault may still happen. */
export interface Faults {
  readonly pause: number;
  readonly sleep: number;
  readonly kill: number;
  /** One clock misses a tick. */
  readonly drift: number;
  /** A wall clock is put back. */
  readonly putBack: number;
  readonly drain: number;
  /** The connection is cut: what was on its way may be applied at any later moment. */
  readonly cut: number;
  /** An answer about the place in the cluster takes its time. */
  readonly delay: number;
  /** A tick passes in which a running node does not come to the end of a round. */
  readonly lag: number;
}

/** Everything, with all moments counted from now, so that time by itself makes no new states. */
export interface OwnershipState {
  readonly rows: ClusterRows;
  readonly jobs: readonly JobRow[];
  readonly nodes: readonly NodeState[];
  /** Operations whose connection was cut. */
  readonly adrift: readonly ClusterOperation[];
  readonly sent: readonly Attempt[];
  readonly faults: Faults;
  readonly broken: string | null;
}

export function sameAttempt(first: Attempt, second: Attempt): boolean {
  return first.job === second.job && first.number === second.number;
}

/** All jobs stand in the last slot: it is the first to be handed over when a node has too many. */
export function workSlot({ rows }: Pick<OwnershipState, 'rows'>): number {
  return rows.slots.length - 1;
}
