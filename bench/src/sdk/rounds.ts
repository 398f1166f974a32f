import { setTimeout as wait } from 'node:timers/promises';
import { medianOf } from '../numbers.ts';

/** Something that is done many times, and measured against others. */
export interface Case {
  readonly name: string;
  /** What is to be ready beforehand, and does not count. */
  prepare?(times: number): Promise<void> | void;
  /** Does it so many times. */
  run(times: number): Promise<void> | void;
  /** Microseconds of processor time used so far. Default: of this process. */
  cpuTime?(): Promise<number>;
}

/** Microseconds of processor time per time, one figure for each round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/**
 * Lets the cases take turns within each round, each round beginning with another one, so that what else
 * the machine does falls on all of them alike. The first round warms up and does not count.
 */
export async function measureInTurn(
  cases: readonly Case[],
  { rounds, times }: { readonly rounds: number; readonly times: number },
): Promise<Rounds> {
  const figures = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    const first = round % cases.length;
    for (const each of [...cases.slice(first), ...cases.slice(0, first)]) {
      const cost = await costOf(each, times);
      if (round > 0) figures.get(each.name)?.push(cost);
    }
  }
  return figures;
}

async function costOf(one: Case, times: number): Promise<number> {
  await one.prepare?.(times);
  // What the one before left to do is not this one's.
  await wait(1);
  const before = (await one.cpuTime?.()) ?? ownCpuTime();
  await one.run(times);
  const after = (await one.cpuTime?.()) ?? ownCpuTime();
  return (after - before) / times;
}

/** Microseconds of processor time that this process has used so far. */
export function ownCpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** How many times as much the one costs as the other, in each round. */
export function ratiosOf(rounds: Rounds, one: string, other: string): readonly number[] {
  const others = rounds.get(other) ?? [];
  return (rounds.get(one) ?? []).map((cost, round) => cost / (others[round] ?? Number.NaN));
}

export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The median of some figures and an interval that holds the true median 95 times out of 100, whatever
 * their distribution: between the two order statistics that the binomial distribution names.
 */
export function estimateOf(figures: readonly number[]): Estimate {
  const sorted = figures.toSorted((a, b) => a - b);
  const count = sorted.length;
  let outside = 0;
  let rank = 0;
  let probability = 0.5 ** count;
  while (rank < count / 2 && outside + probability <= 0.025) {
    outside += probability;
    probability *= (count - rank) / (rank + 1);
    rank += 1;
  }
  // `rank` figures may be left out at either end.
  const low = sorted[Math.max(0, rank - 1)] ?? Number.NaN;
  const high = sorted[Math.min(count - 1, count - rank)] ?? Number.NaN;
  return { median: medianOf(sorted), low, high };
}

/** `0.98 (0.96 to 1.01)` */
export function shownEstimate({ median, low, high }: Estimate, digits: number): string {
  return `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}
