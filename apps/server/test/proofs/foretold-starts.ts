// Jobs of many worlds in virtual time: when `explain` said that they would start, and when they did.

import { createChance } from '@ezthrottle/engine';
import { type Explained, type SubmittedJob, World } from './foretold-world.ts';

export interface ForetoldOptions {
  readonly worlds: number;
  /** Jobs of each world that are there when their starts are foretold, and before. */
  readonly jobs: number;
  readonly seed: number;
  /** How much longer or shorter than the mean a call may take, as a share. Default 0. */
  readonly spread?: number;
  /** Calls that come later, for each one that the limits let through meanwhile. Default 0: none. */
  readonly later?: number;
}

/** A job of which the start was foretold. Times are milliseconds. */
export interface ForetoldJob {
  /** From when it was foretold to its real start. */
  readonly waited: number;
  /** The foretold start less the real one. */
  readonly error: number;
  /** Of the slowest of its keys. */
  readonly interval: number;
  /** How sure the answer was. */
  readonly confidence: string;
}

/** Longer than any call takes. */
const LONGEST_CALL_MS = 800;
/** One in so many jobs is submitted for later. */
const DELAYED_SHARE = 0.15;
/** Nobody waits longer than this. */
const MOST_LOOKS = 100_000;

export async function foretoldJobs(options: ForetoldOptions): Promise<readonly ForetoldJob[]> {
  const all: ForetoldJob[] = [];
  for (let number = 0; number < options.worlds; number += 1) {
    const seed = options.seed + number;
    const world = new World(seed, options.spread ?? 0);
    try {
      await world.start();
      all.push(...(await foretell(world, createChance(seed), options)));
    } finally {
      await world.close();
    }
  }
  return all;
}

/** The share of those that were foretold within a tenth of their wait, or one interval. */
export function shareForetold(jobs: readonly ForetoldJob[]): number {
  const near = jobs.filter(
    ({ waited, error, interval }) => Math.abs(error) <= Math.max(waited / 10, interval),
  );
  return near.length / jobs.length;
}

async function foretell(
  world: World,
  random: () => number,
  { jobs: count, later = 0 }: ForetoldOptions,
): Promise<readonly ForetoldJob[]> {
  const jobs: SubmittedJob[] = [];
  for (let n = 0; n < count; n += 1) {
    jobs.push(await world.submit(random() < DELAYED_SHARE ? random() * 30_000 : 0));
    if (random() < 0.3) await world.advance(random() * 100);
  }
  await world.advance(random() * 5_000);
  world.peace();
  // Whatever goes wrong has by now.
  await world.advance(LONGEST_CALL_MS);
  const askedAt = world.clock.monotonic();
  const before = world.sent().length;
  const told = new Map<string, Explained & { readonly interval: number }>();
  for (const { id, url, interval } of jobs) {
    const answer = await world.explain(id);
    if (answer !== null) told.set(url, { ...answer, interval });
  }
  const startedAt = await untilStarted(world, told, before, later);
  return [...told].flatMap(([url, { startsAt, interval, confidence }]) => {
    const at = startedAt.get(url);
    if (at === undefined) throw new Error(`${url} was never called`);
    return [{ waited: at - askedAt, error: startsAt - at, interval, confidence }];
  });
}

/** When each of them was called next. */
async function untilStarted(
  world: World,
  told: ReadonlyMap<string, unknown>,
  before: number,
  later: number,
): Promise<ReadonlyMap<string, number>> {
  const startedAt = new Map<string, number>();
  for (let looks = 0; looks < MOST_LOOKS && startedAt.size < told.size; looks += 1) {
    if (later > 0) await world.submit();
    await world.advance(later > 0 ? 1_000 / (world.perSecond * later) : 1_000);
    for (const { url, at } of world.sent().slice(before)) {
      if (told.has(url) && !startedAt.has(url)) startedAt.set(url, at);
    }
  }
  return startedAt;
}
