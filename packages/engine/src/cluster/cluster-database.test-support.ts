import type {
  ClusterOperation,
  ClusterView,
  FenceRow,
  NodeRow,
  SeenSlot,
  SlotOwner,
  SlotRow,
} from './cluster-view.ts';
import { LEASE_TIMES, type LeaseTimes } from './lease.ts';

/** What can be wrong with a database or with who uses it, so that a model must find it. */
export interface ClusterRules {
  readonly times: LeaseTimes;
  /** Whether a slot can be taken whose owner was not fenced. */
  readonly takesUnfenced: boolean;
}

const CLUSTER_RULES: ClusterRules = { times: LEASE_TIMES, takesUnfenced: false };

/** The rows of a cluster as plain data, without a clock: the moment comes with every call. */
export interface ClusterRows {
  readonly nodes: readonly NodeRow[];
  readonly fences: readonly FenceRow[];
  readonly slots: readonly SlotRow[];
  readonly nextEpoch: number;
}

export function emptyRows(slots: number): ClusterRows {
  return {
    nodes: [],
    fences: [],
    slots: Array.from({ length: slots }, (_, slot) => ({ slot, owner: null, version: 0 })),
    nextEpoch: 1,
  };
}

export function viewAt({ nodes, fences, slots }: ClusterRows, databaseNow: number): ClusterView {
  return { databaseNow, nodes, fences, slots };
}

export function isCurrent({ fences }: Pick<ClusterRows, 'fences'>, owner: SlotOwner): boolean {
  return fences.some(({ node, epoch }) => node === owner.node && epoch === owner.epoch);
}

/** What the statements of a database do, one operation at a time. */
export function applyOperation(
  rows: ClusterRows,
  operation: ClusterOperation,
  databaseNow: number,
  rules: ClusterRules = CLUSTER_RULES,
): ClusterRows {
  switch (operation.type) {
    case 'join': {
      const { node, regions } = operation;
      const expiresAt = databaseNow + rules.times.leaseMs;
      const fence = { node, epoch: rows.nextEpoch };
      return {
        ...rows,
        nodes: [...without(rows.nodes, node), { node, regions, isDraining: false, expiresAt }],
        fences: [...without(rows.fences, node), fence],
        nextEpoch: rows.nextEpoch + 1,
      };
    }
    case 'renew': {
      if (!isCurrent(rows, operation)) return rows;
      const { node, isDraining, leaseMs } = operation;
      const expiresAt = databaseNow + leaseMs;
      const nodes = rows.nodes.map((row) =>
        row.node === node ? { ...row, isDraining, expiresAt } : row,
      );
      return { ...rows, nodes };
    }
    case 'fence': {
      const heartbeat = rows.nodes.find(({ node }) => node === operation.node);
      const isDead =
        heartbeat !== undefined && databaseNow >= heartbeat.expiresAt + operation.takeMarginMs;
      if (!isDead || !isCurrent(rows, operation)) return rows;
      const fence = { node: operation.node, epoch: rows.nextEpoch };
      return {
        ...rows,
        nodes: without(rows.nodes, operation.node),
        fences: [...without(rows.fences, operation.node), fence],
        nextEpoch: rows.nextEpoch + 1,
      };
    }
    case 'take_slots': {
      const { owner } = operation;
      if (!isCurrent(rows, owner)) return rows;
      const isFree = (row: SlotRow) =>
        row.owner === null || rules.takesUnfenced || !isCurrent(rows, row.owner);
      return changeSlots(rows, operation.slots, isFree, owner);
    }
    case 'release_slots': {
      const { owner } = operation;
      if (!isCurrent(rows, owner)) return rows;
      const isOwn = (row: SlotRow) =>
        row.owner?.node === owner.node && row.owner.epoch === owner.epoch;
      return changeSlots(rows, operation.slots, isOwn, null);
    }
    case 'leave': {
      if (!isCurrent(rows, operation)) return rows;
      const { node } = operation;
      return { ...rows, nodes: without(rows.nodes, node), fences: without(rows.fences, node) };
    }
    case 'forget': {
      if (!isCurrent(rows, operation.owner)) return rows;
      const isForgotten = (row: FenceRow) =>
        operation.fences.some(({ node, epoch }) => node === row.node && epoch === row.epoch) &&
        !rows.nodes.some(({ node }) => node === row.node) &&
        !rows.slots.some(({ owner }) => owner?.node === row.node);
      return { ...rows, fences: rows.fences.filter((row) => !isForgotten(row)) };
    }
  }
}

function changeSlots(
  rows: ClusterRows,
  seen: readonly SeenSlot[],
  mayChange: (row: SlotRow) => boolean,
  owner: SlotOwner | null,
): ClusterRows {
  const versions = new Map(seen.map(({ slot, version }) => [slot, version] as const));
  const slots = rows.slots.map((row) =>
    versions.get(row.slot) === row.version && mayChange(row)
      ? { slot: row.slot, owner, version: row.version + 1 }
      : row,
  );
  return { ...rows, slots };
}

function without<Row extends { readonly node: string }>(
  rows: readonly Row[],
  node: string,
): readonly Row[] {
  return rows.filter((row) => row.node !== node);
}
