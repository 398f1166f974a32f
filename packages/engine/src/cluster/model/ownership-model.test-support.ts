import { applyOperation, type ClusterRows, emptyRows } from '../cluster-database.test-support.ts';
import { renewedLease } from '../lease.ts';
import type { Model, Move } from './explore.test-support.ts';
import { databaseMoves } from './ownership-database.test-support.ts';
import { faultMoves, stopMoves } from './ownership-faults.test-support.ts';
import { ownershipKey } from './ownership-key.test-support.ts';
import { nodeMoves } from './ownership-node.test-support.ts';
import { type OwnershipRules, shortened } from './ownership-rules.test-support.ts';
import type { Faults, NodeState, OwnershipState } from './ownership-state.test-support.ts';

export interface OwnershipSetup {
  readonly nodes: number;
  readonly slots: number;
  readonly jobs: number;
  readonly rules: OwnershipRules;
  readonly faults: Partial<Faults>;
}

const NO_FAULTS: Faults = {
  pause: 0,
  sleep: 0,
  kill: 0,
  drift: 0,
  putBack: 0,
  drain: 0,
  cut: 0,
  delay: 0,
  lag: 0,
};

/**
 * Nodes that own slots, arm, send and settle, beside a database that applies what was asked of it whenever it
 * likes. The nodes run the rules that the server runs.
 */
export function ownershipModel(setup: OwnershipSetup): Model<OwnershipState> {
  const { rules } = setup;
  return {
    initial: start(setup),
    keyOf: ownershipKey,
    movesOf: (state) => movesOf(state, rules),
    brokenIn: ({ broken }) => broken,
    isGoal: ({ jobs }) => jobs.every((job) => job.state === 'ended'),
  };
}

function movesOf(state: OwnershipState, rules: OwnershipRules): readonly Move<OwnershipState>[] {
  if (isOver(state)) return [];
  // Between the look at the lease and the sending nothing happens anywhere, unless the process stops there.
  const sending = state.nodes.findIndex(
    ({ mode, checked }) => mode === 'running' && checked !== null,
  );
  const sender = state.nodes[sending];
  if (sender !== undefined) {
    return [...nodeMoves(state, sender, sending, rules), ...stopMoves(state, sender, sending)];
  }
  return [
    ...state.nodes.flatMap((node, index) => nodeMoves(state, node, index, rules)),
    ...databaseMoves(state, rules),
    ...faultMoves(state, rules),
    ...tickMoves(state, rules),
  ];
}

/** Time goes on when every running node has had its round, or one lags behind. */
function tickMoves(state: OwnershipState, rules: OwnershipRules): readonly Move<OwnershipState>[] {
  const lagging = state.nodes.findIndex((node) => isLagging(node, rules));
  const { faults } = state;
  if (lagging === -1) {
    return [
      tick(state, rules, null),
      ...state.nodes.flatMap((node, index) => driftMoves(state, node, index, rules)),
    ];
  }
  if (faults.lag === 0) return [];
  const spent = { ...state, faults: { ...faults, lag: faults.lag - 1 } };
  return [{ ...tick(spent, rules, null), name: `node ${lagging} lags behind`, isFault: true }];
}

function isLagging({ mode, epoch, lease, control }: NodeState, { times }: OwnershipRules): boolean {
  if (mode !== 'running' || epoch === 0) return false;
  return control.step !== 'idle' || lease === null || lease.monotonicEnd < times.leaseMs;
}

/** Nothing can come of it any more, as far as jobs go. */
function isOver({ jobs, nodes }: OwnershipState): boolean {
  return (
    jobs.every((job) => job.state === 'ended') &&
    nodes.every(
      ({ write, ready, checked, out }) =>
        write === null && checked === null && ready.length === 0 && out.length === 0,
    )
  );
}

function start({ nodes, slots, jobs, rules, faults }: OwnershipSetup): OwnershipState {
  const names = Array.from({ length: nodes }, (_, index) => `${index}`);
  let rows: ClusterRows = emptyRows(slots);
  for (const node of names) {
    rows = applyOperation(rows, { type: 'join', node, regions: [] }, 0, rules);
  }
  const owner = { node: '0', epoch: 1 };
  rows = applyOperation(rows, { type: 'take_slots', owner, slots: rows.slots }, 0, rules);
  const all = rows.slots.map(({ slot }) => slot);
  return {
    rows,
    jobs: Array.from({ length: jobs }, () => ({ state: 'ready', number: 0 })),
    nodes: names.map((node, index) => firstState(rows, node, index === 0 ? all : [], rules)),
    adrift: [],
    sent: [],
    faults: { ...NO_FAULTS, ...faults },
    broken: null,
  };
}

function firstState(
  rows: ClusterRows,
  node: string,
  slots: readonly number[],
  rules: OwnershipRules,
): NodeState {
  return {
    mode: 'running',
    epoch: rows.fences.find((fence) => fence.node === node)?.epoch ?? 0,
    isDraining: false,
    leaving: [],
    lease: renewedLease({ wall: 0, monotonic: 0 }, rules.times),
    serves: slots,
    holds: slots,
    control: { step: 'idle' },
    write: null,
    ready: [],
    checked: null,
    out: [],
    stops: 0,
    late: 0,
  };
}

function driftMoves(
  state: OwnershipState,
  node: NodeState,
  index: number,
  rules: OwnershipRules,
): readonly Move<OwnershipState>[] {
  const { faults } = state;
  if (faults.drift === 0 || node.mode === 'dead' || node.lease === null) return [];
  const spent = { ...state, faults: { ...faults, drift: faults.drift - 1 } };
  return [tick(spent, rules, index)];
}

/** Time goes on by one, for all clocks but those of `slow`. */
function tick(
  state: OwnershipState,
  rules: OwnershipRules,
  slow: number | null,
): Move<OwnershipState> {
  const over = -rules.times.takeMarginMs;
  const nodes = state.rows.nodes.map((row) => ({
    ...row,
    expiresAt: Math.max(row.expiresAt - 1, over),
  }));
  const to = {
    ...state,
    rows: { ...state.rows, nodes },
    nodes: state.nodes.map((node, index) => (index === slow ? node : older(node, rules))),
  };
  const name = slow === null ? 'time goes on' : `time goes on, but not for node ${slow}`;
  return { name, isFault: slow !== null, to };
}

function older(node: NodeState, rules: OwnershipRules): NodeState {
  const by = { wall: 1, monotonic: node.mode === 'asleep' ? 0 : 1 };
  const { control } = node;
  return {
    ...node,
    lease: shortened(node.lease, by, rules),
    control:
      control.step === 'asked' || control.step === 'answered'
        ? { ...control, lease: shortened(control.lease, by, rules) }
        : control,
  };
}
