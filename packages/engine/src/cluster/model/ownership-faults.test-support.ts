import type { Move } from './explore.test-support.ts';
import type { OwnershipRules } from './ownership-rules.test-support.ts';
import type { Faults, NodeState, OwnershipState } from './ownership-state.test-support.ts';

/** So far a wall clock is put back: further than any lease is long. */
const PUT_BACK = 4;

/** What can happen to nodes at any moment, as often as is left. */
export function faultMoves(
  state: OwnershipState,
  { times }: OwnershipRules,
): readonly Move<OwnershipState>[] {
  return state.nodes.flatMap((node, index) => {
    if (node.mode === 'dead') return [];
    if (node.mode !== 'running') return [goesOn(state, index)];
    const wallEnd = Math.min(node.lease?.wallEnd ?? 0, times.leaseMs) + PUT_BACK;
    const putBack = node.lease && { lease: { ...node.lease, wallEnd } };
    const canDrain = !node.isDraining && node.epoch !== 0;
    return [
      ...stopMoves(state, node, index),
      ...(canDrain ? faultOf(state, index, 'drain', { isDraining: true }) : []),
      ...(putBack === null ? [] : faultOf(state, index, 'putBack', putBack)),
      ...cutMoves(state, node, index),
    ];
  });
}

/** The node stops in the middle of what it does, for a while or for ever. */
export function stopMoves(
  state: OwnershipState,
  node: NodeState,
  index: number,
): readonly Move<OwnershipState>[] {
  const stops = node.stops + 1;
  return [
    ...faultOf(state, index, 'pause', { mode: 'paused', stops }),
    ...faultOf(state, index, 'sleep', { mode: 'asleep', stops }),
    ...faultOf(state, index, 'kill', deadNode(node)),
  ];
}

/** What is left of a node that is no more: what it has asked of the database. */
export function deadNode(node: NodeState): NodeState {
  const { control } = node;
  return {
    ...node,
    mode: 'dead',
    epoch: 0,
    isDraining: false,
    leaving: [],
    lease: null,
    serves: [],
    holds: [],
    control: control.step === 'answered' ? { step: 'idle' } : control,
    ready: [],
    checked: null,
    out: [],
  };
}

function goesOn(state: OwnershipState, index: number): Move<OwnershipState> {
  return {
    name: `node ${index} goes on`,
    isFault: false,
    to: withNode(state, index, { mode: 'running' }),
  };
}

function faultOf(
  state: OwnershipState,
  index: number,
  fault: keyof Faults,
  change: Partial<NodeState>,
): readonly Move<OwnershipState>[] {
  const left = state.faults[fault];
  if (left === 0) return [];
  const faults = { ...state.faults, [fault]: left - 1 };
  const to = { ...withNode(state, index, change), faults };
  return [{ name: `${fault} of node ${index}`, isFault: true, to }];
}

function cutMoves(
  state: OwnershipState,
  { control }: NodeState,
  index: number,
): readonly Move<OwnershipState>[] {
  if (control.step !== 'acting') return [];
  const adrift = [...state.adrift, ...control.operations];
  return faultOf({ ...state, adrift }, index, 'cut', { control: { step: 'idle' } });
}

export function withNode(
  state: OwnershipState,
  index: number,
  change: Partial<NodeState>,
): OwnershipState {
  return {
    ...state,
    nodes: state.nodes.map((node, at) => (at === index ? { ...node, ...change } : node)),
  };
}
