import type { ClusterOperation, SlotRow } from '../cluster-view.ts';
import type { Control, NodeState, OwnershipState } from './ownership-state.test-support.ts';

/**
 * The same text for states that cannot be told apart. Epochs and versions only ever grow, and only whether
 * they are the same counts: epochs are named by their order, and of a version it is said whether it is the
 * slot's present one.
 */
export function ownershipKey(state: OwnershipState): string {
  const epochs = epochsOf(state);
  const names = new Map(
    [...epochs].toSorted((a, b) => a - b).map((epoch, index) => [epoch, index]),
  );
  const name = (epoch: number) => names.get(epoch) ?? -1;
  const { rows, jobs, nodes, adrift, sent, faults, broken } = state;
  return JSON.stringify([
    rows.nodes.map((row) => [row.node, row.isDraining, row.expiresAt]),
    rows.fences.map(({ node, epoch }) => [node, name(epoch)]),
    rows.slots.map(({ owner }) => owner && [owner.node, name(owner.epoch)]),
    jobs.map((job) => [job.state, job.number]),
    nodes.map((node) => nodeKey(node, rows.slots, name)),
    adrift.map((operation) => operationKey(operation, rows.slots, name)),
    sent,
    faults,
    broken,
  ]);
}

type NameOf = (epoch: number) => number;

function nodeKey(node: NodeState, slots: readonly SlotRow[], name: NameOf): readonly unknown[] {
  const { control, write, lease } = node;
  return [
    node.mode,
    node.epoch === 0 ? -1 : name(node.epoch),
    node.isDraining,
    node.leaving.map(([slot, { isReleaseSent }]) => [slot, isReleaseSent]),
    lease && [lease.wallEnd, lease.monotonicEnd],
    node.serves,
    node.holds,
    controlKey(control, slots, name),
    write && [write.type, name(write.epoch), write.attempt],
    node.ready,
    node.checked,
    node.out,
    node.stops,
    node.late,
  ];
}

function controlKey(control: Control, slots: readonly SlotRow[], name: NameOf): unknown {
  switch (control.step) {
    case 'idle':
      return 0;
    case 'asked':
      return control.lease && [control.lease.wallEnd, control.lease.monotonicEnd];
    case 'answered': {
      const { lease, view } = control;
      return [
        lease && [lease.wallEnd, lease.monotonicEnd],
        view.nodes.map((row) => [row.node, row.isDraining, row.expiresAt]),
        view.fences.map(({ node, epoch }) => [node, name(epoch)]),
        view.slots.map(({ slot, owner, version }) => [
          owner && [owner.node, name(owner.epoch)],
          version === slots[slot]?.version,
        ]),
      ];
    }
    case 'acting':
      return control.operations.map((operation) => operationKey(operation, slots, name));
  }
}

function operationKey(
  operation: ClusterOperation,
  slots: readonly SlotRow[],
  name: NameOf,
): unknown {
  switch (operation.type) {
    case 'take_slots':
    case 'release_slots':
      return [
        operation.type,
        operation.owner.node,
        name(operation.owner.epoch),
        operation.slots.map(({ slot, version }) => [slot, version === slots[slot]?.version]),
      ];
    case 'forget':
      return [
        operation.type,
        operation.owner.node,
        name(operation.owner.epoch),
        operation.fences.map(({ node, epoch }) => [node, name(epoch)]),
      ];
    case 'join':
      return [operation.type, operation.node];
    case 'fence':
    case 'leave':
    case 'renew':
      return [operation.type, operation.node, name(operation.epoch)];
  }
}

function epochsOf({ rows, nodes, adrift }: OwnershipState): ReadonlySet<number> {
  const epochs = new Set<number>();
  const ofSlots = (slots: readonly SlotRow[]) => {
    for (const { owner } of slots) if (owner !== null) epochs.add(owner.epoch);
  };
  const ofOperations = (operations: readonly ClusterOperation[]) => {
    for (const operation of operations) {
      if (operation.type === 'join') continue;
      if ('owner' in operation) epochs.add(operation.owner.epoch);
      else epochs.add(operation.epoch);
      if (operation.type === 'forget') for (const { epoch } of operation.fences) epochs.add(epoch);
    }
  };
  for (const { epoch } of rows.fences) epochs.add(epoch);
  ofSlots(rows.slots);
  ofOperations(adrift);
  for (const { epoch, write, control } of nodes) {
    if (epoch !== 0) epochs.add(epoch);
    if (write !== null) epochs.add(write.epoch);
    if (control.step === 'acting') ofOperations(control.operations);
    if (control.step === 'answered') {
      for (const fence of control.view.fences) epochs.add(fence.epoch);
      ofSlots(control.view.slots);
    }
  }
  return epochs;
}
