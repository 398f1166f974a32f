import { divideAmongHomes, type HomeAllotment, NO_SHARE } from '../allotments.ts';
import { followGrant } from '../held-allotment.ts';
import type { Model, Move } from './explore.test-support.ts';

/** What can be left out so that the model must find it. */
export interface AllotmentRules {
  /** Whether what is still spent counts, or only what was granted last. */
  readonly countsConfirmed: boolean;
  /** Whether more is confirmed before it is spent. */
  readonly confirmsFirst: boolean;
  /** Whether a confirmation names its grant. */
  readonly namesGrant: boolean;
  /** Whether a round is written only when no other was written since it was read. */
  readonly comparesVersion: boolean;
}

export const RIGHT_ALLOTMENTS: AllotmentRules = {
  countsConfirmed: true,
  confirmsFirst: true,
  namesGrant: true,
  comparesVersion: true,
};

export interface AllotmentSetup {
  readonly homes: number;
  /** Calls at the same time: the quantity that is looked at. */
  readonly slots: number;
  readonly rules: AllotmentRules;
}

interface Row {
  readonly demand: number;
  readonly granted: number;
  readonly confirmed: number;
  /** The earlier turns among all. */
  readonly turn: number;
}

interface Home {
  readonly spends: number;
  readonly inFlight: number;
  /** A confirmation on its way; it is out of date when another grant has come. */
  readonly confirm: { readonly slots: number; readonly isCurrent: boolean } | null;
}

/** A round on its way to be written; it is out of date when another was written. */
interface Round {
  readonly grants: readonly {
    readonly home: number;
    readonly slots: number;
    readonly hasTurned: boolean;
  }[];
  readonly isCurrent: boolean;
}

export interface AllotmentState {
  readonly rows: readonly Row[];
  readonly homes: readonly Home[];
  /** Two who take themselves for the limit's owner. */
  readonly rounds: readonly (Round | null)[];
}

/** Homes that spend one limit, and two nodes that divide it, all on their own. */
export function allotmentModel(setup: AllotmentSetup): Model<AllotmentState> {
  const { homes, slots, rules } = setup;
  const all = Array.from({ length: homes }, (_, index) => index);
  return {
    initial: {
      rows: all.map(() => ({ demand: 0, granted: 0, confirmed: 0, turn: 0 })),
      homes: all.map(() => ({ spends: 0, inFlight: 0, confirm: null })),
      rounds: [null, null],
    },
    keyOf: (state) => JSON.stringify(state),
    movesOf: (state) => [
      ...all.flatMap((home) => homeMoves(state, home, rules)),
      ...state.rounds.flatMap((round, index) => roundMoves(state, index, round, setup)),
    ],
    brokenIn: (state) =>
      state.homes.reduce((sum, home) => sum + Math.max(home.spends, home.inFlight), 0) > slots
        ? 'more is spent than the limit'
        : null,
    isGoal: ({ rows, homes: [, second] }) => rows[1]?.demand === 0 || (second?.spends ?? 0) > 0,
  };
}

function homeMoves(
  state: AllotmentState,
  index: number,
  rules: AllotmentRules,
): readonly Move<AllotmentState>[] {
  const home = state.homes[index];
  const row = state.rows[index];
  if (home === undefined || row === undefined) return [];
  const { spends, inFlight, confirm } = home;
  const move = (name: string, change: Partial<Home>): Move<AllotmentState> => ({
    name: `home ${index} ${name}`,
    isFault: false,
    to: withHome(state, index, change),
  });
  return [
    {
      name: `home ${index} changes its demand`,
      isFault: true,
      to: withRow(state, index, { demand: 1 - row.demand }),
    },
    ...(inFlight < spends ? [move('begins a call', { inFlight: inFlight + 1 })] : []),
    ...(inFlight > 0 ? [move('ends a call', { inFlight: inFlight - 1 })] : []),
    ...(confirm === null ? [move('reads its row', afterReading(row, inFlight, rules))] : []),
    ...(confirm === null ? [] : [confirmed(state, index, confirm, rules)]),
  ];
}

function afterReading(row: Row, inFlight: number, rules: AllotmentRules): Partial<Home> {
  const { granted, confirmed } = allotmentOf(row, 0);
  const { spends, confirm } = followGrant({ granted, confirmed, grant: 1 }, inFlight);
  return {
    spends: rules.confirmsFirst ? spends.concurrency : row.granted,
    confirm: confirm && { slots: confirm.share.concurrency, isCurrent: true },
  };
}

function confirmed(
  state: AllotmentState,
  index: number,
  confirm: NonNullable<Home['confirm']>,
  { namesGrant }: AllotmentRules,
): Move<AllotmentState> {
  const isApplied = confirm.isCurrent || !namesGrant;
  const heard = withHome(state, index, { confirm: null });
  const to = isApplied ? withRow(heard, index, { confirmed: confirm.slots }) : heard;
  return { name: `the database takes the word of home ${index}`, isFault: false, to };
}

function roundMoves(
  state: AllotmentState,
  index: number,
  round: Round | null,
  { slots, rules }: AllotmentSetup,
): readonly Move<AllotmentState>[] {
  const withRound = (next: Round | null): AllotmentState['rounds'] =>
    state.rounds.map((other, at) => (at === index ? next : other));
  if (round === null) {
    const grants = planned(state, slots, rules);
    if (grants.length === 0) return [];
    const to = { ...state, rounds: withRound({ grants, isCurrent: true }) };
    return [{ name: `node ${index} plans a round`, isFault: false, to }];
  }
  const rounds = withRound(null);
  const isWritten = round.isCurrent || !rules.comparesVersion;
  const to = isWritten ? written({ ...state, rounds }, round) : { ...state, rounds };
  return [{ name: `the round of node ${index} is written`, isFault: false, to }];
}

function planned(state: AllotmentState, slots: number, rules: AllotmentRules): Round['grants'] {
  const homes = state.rows.map((row, index) => {
    const home = allotmentOf(row, index);
    return rules.countsConfirmed ? home : { ...home, confirmed: NO_SHARE };
  });
  const grants = divideAmongHomes({
    limit: { ...NO_SHARE, concurrency: slots },
    homes,
    now: NOW,
    options: { floor: 0.05, tolerance: 0.1, turnMs: 0 },
  });
  return grants.map(({ home, share, turnAt }) => ({
    home: Number(home.node),
    slots: share.concurrency,
    hasTurned: turnAt === NOW,
  }));
}

function written(state: AllotmentState, round: Round): AllotmentState {
  const changed = new Map(round.grants.map((grant) => [grant.home, grant]));
  const rows = state.rows.map((row, index) => {
    const grant = changed.get(index);
    if (grant === undefined) return row;
    return { ...row, granted: grant.slots, turn: grant.hasTurned ? NOW : row.turn };
  });
  return {
    rows: ranked(rows),
    homes: state.homes.map((home, index) =>
      changed.has(index) && home.confirm !== null
        ? { ...home, confirm: { ...home.confirm, isCurrent: false } }
        : home,
    ),
    rounds: state.rounds.map((other) => other && { ...other, isCurrent: false }),
  };
}

/** Later than every turn: of turns only their order counts. */
const NOW = 100;

function ranked(rows: readonly Row[]): readonly Row[] {
  const turns = [...new Set(rows.map(({ turn }) => turn))].toSorted((a, b) => a - b);
  return rows.map((row) => ({ ...row, turn: turns.indexOf(row.turn) }));
}

function allotmentOf(
  { demand, granted, confirmed: spent, turn }: Row,
  index: number,
): HomeAllotment {
  return {
    home: { node: `${index}`, epoch: 1 },
    demand,
    granted: { ...NO_SHARE, concurrency: granted },
    confirmed: { ...NO_SHARE, concurrency: spent },
    grant: 1,
    turnAt: turn,
  };
}

function withRow(state: AllotmentState, index: number, change: Partial<Row>): AllotmentState {
  return {
    ...state,
    rows: state.rows.map((row, at) => (at === index ? { ...row, ...change } : row)),
  };
}

function withHome(state: AllotmentState, index: number, change: Partial<Home>): AllotmentState {
  return {
    ...state,
    homes: state.homes.map((home, at) => (at === index ? { ...home, ...change } : home)),
  };
}
