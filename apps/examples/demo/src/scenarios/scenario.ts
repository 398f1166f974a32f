import type { World } from '../world.ts';

/** One thing that EZThrottle promises, tried for real. */
export interface Scenario {
  /** Also the first part of the path at the target, so that its calls are told apart. */
  readonly name: string;
  /** What should happen, for the table. */
  readonly expected: string;
  run(world: World, check: Check): Promise<string>;
}

/** Collects what differed; a scenario goes on after a difference, so that all are seen. */
export class Check {
  readonly differences: string[] = [];

  equal<T>(what: string, actual: T, expected: T): void {
    const seen = JSON.stringify(actual);
    const wanted = JSON.stringify(expected);
    if (seen !== wanted) this.differences.push(`${what}: expected ${wanted}, got ${seen}`);
  }

  that(what: string, holds: boolean): void {
    if (!holds) this.differences.push(what);
  }
}
