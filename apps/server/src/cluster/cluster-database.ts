import type { ClusterOperation, ClusterView, Id, NodeRow } from '@ezthrottle/engine';

/** What the others know of a node beside its lease. */
export interface NodeFacts {
  readonly node: Id;
  /** Of the program it runs. */
  readonly version: string;
  readonly regions: readonly string[];
  /** Where others reach it; null: nowhere. */
  readonly url: string | null;
}

export interface PeerRow extends NodeRow, Omit<NodeFacts, 'node' | 'regions'> {}

/** The rows of the cluster, and how often the things have changed that every node keeps in memory. */
export interface NodesView extends ClusterView {
  readonly nodes: readonly PeerRow[];
  /** By what has changed. */
  readonly revisions: ReadonlyMap<string, number>;
}

export type Renewal = Extract<ClusterOperation, { readonly type: 'renew' }>;

/** The rows that all nodes share about themselves. */
export interface ClusterDatabase {
  /** Gives the epoch. */
  join(facts: NodeFacts, leaseMs: number): Promise<number>;
  /** Renews the lease and reads, in one transaction. */
  renew(renewal: Renewal): Promise<NodesView>;
  /** Each by itself, in this order. */
  apply(operations: readonly ClusterOperation[]): Promise<void>;
  /** How often each thing has changed that every node keeps in memory. */
  revisions(): Promise<ReadonlyMap<string, number>>;
  /** Where others reach the node from now on. */
  announce(node: Id, url: string): Promise<void>;
  /** Does something while no other node does such a thing. */
  alone<Result>(act: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}
