import { applyOperation, isCurrent, viewAt } from '../cluster-database.test-support.ts';
import { renewal } from '../membership.ts';
import type { Move } from './explore.test-support.ts';
import { withNode } from './ownership-faults.test-support.ts';
import { afterRound } from './ownership-node.test-support.ts';
import type { OwnershipRules } from './ownership-rules.test-support.ts';
import {
  type JobRow,
  type NodeState,
  type OwnershipState,
  type Write,
  workSlot,
} from './ownership-state.test-support.ts';

/** What the database may do next: it applies what has reached it, in any order. */
export function databaseMoves(
  state: OwnershipState,
  rules: OwnershipRules,
): readonly Move<OwnershipState>[] {
  return [
    ...state.nodes.flatMap((node, index) => [
      ...controlMoves(state, node, index, rules),
      ...writeMoves(state, node, index, rules),
    ]),
    ...state.adrift.map((operation, at) => ({
      name: `the database applies a late ${operation.type}`,
      isFault: false,
      to: {
        ...state,
        rows: applyOperation(state.rows, operation, 0, rules),
        adrift: state.adrift.filter((_, other) => other !== at),
      },
    })),
  ];
}

function controlMoves(
  state: OwnershipState,
  node: NodeState,
  index: number,
  rules: OwnershipRules,
): readonly Move<OwnershipState>[] {
  const { control } = node;
  if (control.step === 'asked') return renewals(state, node, index, rules);
  if (control.step !== 'acting') return [];
  const [operation, ...later] = control.operations;
  if (operation === undefined) return [];
  const rows = applyOperation(state.rows, operation, 0, rules);
  const to = withNode({ ...state, rows }, index, {
    control: later.length === 0 ? { step: 'idle' } : { step: 'acting', operations: later },
  });
  return [{ name: `the database applies ${operation.type} of node ${index}`, isFault: false, to }];
}

/** A renewal is heard of at once, unless the node stands still or the answer is delayed. */
function renewals(
  state: OwnershipState,
  node: NodeState,
  index: number,
  rules: OwnershipRules,
): readonly Move<OwnershipState>[] {
  const { control } = node;
  if (control.step !== 'asked') return [];
  const member = { ...node, node: `${index}`, leaving: new Map(), answers: null };
  const rows = applyOperation(state.rows, renewal(member, rules.times), 0, rules);
  const name = `the database renews node ${index}`;
  const applied = { ...state, rows };
  // A dead node's renewal counts as well as a living one's.
  if (node.mode === 'dead') {
    return [{ name, isFault: false, to: withNode(applied, index, { control: { step: 'idle' } }) }];
  }
  const { lease } = control;
  const answered = withNode(applied, index, {
    control: { step: 'answered', lease, view: viewAt(rows, 0) },
  });
  if (node.mode !== 'running') return [{ name, isFault: false, to: answered }];
  const heard = afterRound(answered, index, rules).map((to) => ({ name, isFault: false, to }));
  const { faults } = state;
  if (faults.delay === 0) return heard;
  const delayed = { ...answered, faults: { ...faults, delay: faults.delay - 1 } };
  return [...heard, { name: `${name}, who does not hear of it`, isFault: true, to: delayed }];
}

function writeMoves(
  state: OwnershipState,
  node: NodeState,
  index: number,
  rules: OwnershipRules,
): readonly Move<OwnershipState>[] {
  const { write } = node;
  if (write === null) return [];
  const { type, attempt } = write;
  const job = state.jobs[attempt.job];
  const row = job === undefined ? null : afterWrite(state, job, `${index}`, write, rules);
  const broken = row === null || job === undefined ? null : wrongWith(state, job, index, write);
  const to = withNode(
    {
      ...state,
      jobs: state.jobs.map((old, at) => (row !== null && at === attempt.job ? row : old)),
      broken: state.broken ?? broken,
    },
    index,
    {
      write: null,
      ready: row !== null && isToSend(state, node, write) ? [...node.ready, attempt] : node.ready,
    },
  );
  const verb = row === null ? 'refuses' : 'applies';
  return [{ name: `the database ${verb} ${type} of node ${index}`, isFault: false, to }];
}

/** What was armed in an earlier life of the node, or in a slot that it has given up, it sends no more. */
function isToSend(state: OwnershipState, node: NodeState, write: Write): boolean {
  return write.type === 'arm' && write.epoch === node.epoch && node.holds.includes(workSlot(state));
}

/** The job's row after this write; null: it is refused. */
function afterWrite(
  state: OwnershipState,
  job: JobRow,
  node: string,
  { type, epoch, attempt }: Write,
  rules: OwnershipRules,
): JobRow | null {
  if (rules.checksFences && !isCurrent(state.rows, { node, epoch })) return null;
  const isMeant = job.state === 'armed' && job.number === attempt.number;
  switch (type) {
    case 'arm': {
      const isNext = job.state === 'ready' && job.number === attempt.number - 1;
      return isNext ? { state: 'armed', number: attempt.number } : null;
    }
    case 'settle': {
      const isWanted = rules.comparesTokens ? isMeant : job.state === 'armed';
      return isWanted ? { ...job, state: 'ended' } : null;
    }
    case 'recover':
      return isMeant
        ? { ...job, state: job.number >= rules.maxAttempts ? 'ended' : 'ready' }
        : null;
  }
}

/** What must not have been applied. */
function wrongWith(
  { rows }: OwnershipState,
  job: JobRow,
  index: number,
  { type, epoch, attempt }: Write,
): string | null {
  if (!isCurrent(rows, { node: `${index}`, epoch })) return 'a node that was fenced has written';
  if (type === 'settle') {
    return job.number === attempt.number ? null : 'an attempt that was over has ended its job';
  }
  const owner = rows.slots[workSlot({ rows })]?.owner;
  const isOwn = owner?.node === `${index}` && owner.epoch === epoch;
  return isOwn ? null : 'two nodes have started work in one slot';
}
