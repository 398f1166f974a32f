import { applyOperation, isCurrent } from '../cluster-database.test-support.ts';
import type { ClusterOperation, ClusterView } from '../cluster-view.ts';
import { type Lease, renewedLease } from '../lease.ts';
import { type Member, planRound, type Round, type UnderWay } from '../membership.ts';
import type { Move } from './explore.test-support.ts';
import { deadNode, withNode } from './ownership-faults.test-support.ts';
import { isAlive, type OwnershipRules } from './ownership-rules.test-support.ts';
import {
  type Attempt,
  type NodeState,
  type OwnershipState,
  sameAttempt,
  workSlot,
  type Write,
} from './ownership-state.test-support.ts';

const NOW = { wall: 0, monotonic: 0 };

/** What a running node may do next. */
export function nodeMoves(
  state: OwnershipState,
  node: NodeState,
  index: number,
  rules: OwnershipRules,
): readonly Move<OwnershipState>[] {
  if (node.mode !== 'running') return [];
  const move = (name: string, to: OwnershipState): Move<OwnershipState> => ({
    name: `node ${index} ${name}`,
    isFault: false,
    to,
  });
  // The check and the sending stand in one tick: nothing but a stop of the process comes between.
  if (node.checked !== null) return [move('sends', sent(state, node, index, node.checked))];
  if (node.epoch === 0) {
    return node.control.step === 'idle' ? [move('joins', joined(state, index, rules))] : [];
  }
  return [
    ...controlMoves(state, node, index, rules).map((to) => move('goes on with its round', to)),
    ...writesOf(state, node, rules).map((write) =>
      move(`asks to ${write.type}`, asked(state, node, index, write)),
    ),
    ...checks(node, state, rules).map((attempt) =>
      move('may send', withNode(state, index, { checked: attempt })),
    ),
  ];
}

function joined(state: OwnershipState, index: number, rules: OwnershipRules): OwnershipState {
  const node = `${index}`;
  const rows = applyOperation(state.rows, { type: 'join', node, regions: [] }, 0, rules);
  return withNode({ ...state, rows }, index, {
    epoch: state.rows.nextEpoch,
    lease: renewedLease(NOW, rules.times),
  });
}

function controlMoves(
  state: OwnershipState,
  node: NodeState,
  index: number,
  rules: OwnershipRules,
): readonly OwnershipState[] {
  const { control } = node;
  if (control.step === 'idle') {
    const lease = renewedLease(NOW, rules.times);
    // A renewal in the same tick as the one before would change nothing.
    if (isSameLease(node.lease, lease)) return [];
    return [withNode(state, index, { control: { step: 'asked', lease } })];
  }
  return control.step === 'answered' ? afterRound(state, index, rules) : [];
}

function isSameLease(first: Lease | null, second: Lease): boolean {
  return first?.wallEnd === second.wallEnd && first.monotonicEnd === second.monotonicEnd;
}

/** What may come of an answer: one thing, or with impatience about calls under way two. */
export function afterRound(
  state: OwnershipState,
  index: number,
  rules: OwnershipRules,
): readonly OwnershipState[] {
  const node = state.nodes[index];
  if (node?.control.step !== 'answered') return [];
  const { lease, view } = node.control;
  const waits = rules.isImpatient ? [0, Number.POSITIVE_INFINITY] : [Number.POSITIVE_INFINITY];
  return waits.map((handOverMs) => planned(state, index, rules, { node, lease, view, handOverMs }));
}

interface Answer {
  readonly node: NodeState;
  readonly lease: Lease | null;
  readonly view: ClusterView;
  readonly handOverMs: number;
}

function planned(
  state: OwnershipState,
  index: number,
  rules: OwnershipRules,
  { node, lease: given, view, handOverMs }: Answer,
): OwnershipState {
  const lease = rules.leaseFrom === 'answer' ? renewedLease(NOW, rules.times) : given;
  const leaving = rules.forgetsReleases
    ? node.leaving.map(([slot]) => [slot, { since: 0, isReleaseSent: false }] as const)
    : node.leaving;
  const member: Member = {
    node: `${index}`,
    epoch: node.epoch,
    isDraining: node.isDraining,
    leaving: new Map(leaving),
    // The database answers all the time: that makes take-overs more frequent than they are.
    answers: { since: Number.NEGATIVE_INFINITY, lastAt: 0 },
  };
  const round = planRound({
    member,
    view,
    isLeaseAlive: isAlive(lease, rules),
    now: 0,
    underWayIn: (slot) => underWayIn(state, node, slot, rules),
    options: { times: rules.times, maxLeaving: 1, handOverMs },
  });
  return withNode(state, index, afterPlan(state, node, round, lease, rules));
}

function afterPlan(
  state: OwnershipState,
  node: NodeState,
  round: Round,
  lease: NodeState['lease'],
  rules: OwnershipRules,
): Partial<NodeState> {
  switch (round.outcome) {
    case 'fenced':
      return { ...deadNode(node), mode: 'running' };
    case 'left':
      return { ...deadNode(node), control: { step: 'acting', operations: round.operations } };
    case 'member': {
      const operations = ordered(round.operations, rules);
      const holds = rules.sendsReleased ? node.holds : round.holds;
      return {
        lease: isAlive(lease, rules) ? lease : null,
        leaving: [...round.member.leaving].map(([slot, { isReleaseSent }]) => [
          slot,
          { since: 0, isReleaseSent },
        ]),
        serves: round.serves,
        holds,
        ready: holds.includes(workSlot(state)) ? node.ready : [],
        control: operations.length === 0 ? { step: 'idle' } : { step: 'acting', operations },
      };
    }
  }
}

function ordered(
  operations: readonly ClusterOperation[],
  { order }: OwnershipRules,
): readonly ClusterOperation[] {
  if (order === 'fence first') return operations;
  const isTake = ({ type }: ClusterOperation) => type === 'take_slots';
  return [...operations.filter(isTake), ...operations.filter((operation) => !isTake(operation))];
}

/** Writes that the node may ask for now, by what the rows say. */
function writesOf(state: OwnershipState, node: NodeState, rules: OwnershipRules): readonly Write[] {
  if (node.write !== null) return [];
  const { epoch } = node;
  const isOwner = isAlive(node.lease, rules) && node.serves.includes(workSlot(state));
  const settled = node.out.map((attempt): Write => ({ epoch, type: 'settle', attempt }));
  const others = state.jobs.flatMap(({ state: is, number }, job): readonly Write[] => {
    if (!isOwner) return [];
    if (is === 'ready') return [{ epoch, type: 'arm', attempt: { job, number: number + 1 } }];
    const attempt = { job, number };
    const isKnown = [...node.ready, ...node.out].some((known) => sameAttempt(known, attempt));
    return is === 'armed' && !isKnown ? [{ epoch, type: 'recover', attempt }] : [];
  });
  return [...settled, ...others];
}

function asked(
  state: OwnershipState,
  node: NodeState,
  index: number,
  write: Write,
): OwnershipState {
  const out = node.out.filter((attempt) => !sameAttempt(attempt, write.attempt));
  return withNode(state, index, { write, out });
}

/** What may be sent now: what was armed here, and with a bug what was armed by somebody else. */
function checks(node: NodeState, state: OwnershipState, rules: OwnershipRules): readonly Attempt[] {
  if (!isAlive(node.lease, rules) || !node.holds.includes(workSlot(state))) return [];
  return rules.sendsAgain ? [...node.ready, ...foundArmed(node, state)] : node.ready;
}

function foundArmed(
  { out, ready, write }: NodeState,
  { jobs }: OwnershipState,
): readonly Attempt[] {
  const own = [...out, ...ready, ...(write === null ? [] : [write.attempt])];
  return jobs.flatMap(({ state, number }, job) => {
    const attempt = { job, number };
    const isOwn = own.some((known) => sameAttempt(known, attempt));
    return state === 'armed' && !isOwn ? [attempt] : [];
  });
}

function sent(
  state: OwnershipState,
  node: NodeState,
  index: number,
  attempt: Attempt,
): OwnershipState {
  const owner = state.rows.slots[workSlot(state)]?.owner ?? null;
  const isOwn =
    owner?.node === `${index}` && owner.epoch === node.epoch && isCurrent(state.rows, owner);
  const late = node.late + (isOwn ? 0 : 1);
  const isRepeat = state.sent.some((other) => sameAttempt(other, attempt));
  const isTooLate = late > node.stops ? 'a node has sent after another had taken its slot' : null;
  return {
    ...withNode(state, index, {
      checked: null,
      ready: node.ready.filter((other) => !sameAttempt(other, attempt)),
      out: [...node.out, attempt],
      late,
    }),
    sent: isRepeat ? state.sent : [...state.sent, attempt],
    broken: state.broken ?? (isRepeat ? 'an attempt was sent twice' : isTooLate),
  };
}

function underWayIn(
  state: OwnershipState,
  { write, ready, out }: NodeState,
  slot: number,
  { waitsForWrites }: OwnershipRules,
): UnderWay {
  if (slot !== workSlot(state)) return 'nothing';
  if (write !== null) return waitsForWrites ? 'writes' : 'calls';
  return ready.length + out.length > 0 ? 'calls' : 'nothing';
}
