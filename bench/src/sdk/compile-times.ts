import { EZThrottle, Step } from '@ezthrottle/core';
import { tableOf } from '../numbers.ts';
import { estimateOf, measureInTurn, ratiosOf, shownEstimate } from './rounds.ts';

const STEPS = 10_000;
/** Steps of one tree: 1 000 are the most that a tree may have, so 10 000 are ten trees. */
const SIZES = [100, 1_000] as const;

export async function printCompileTimes(isQuick: boolean): Promise<void> {
  const client = new EZThrottle({ apiKey: 'benchmark' });
  const cases = SIZES.map((size) => {
    let trees: readonly Step[] = [];
    return {
      name: `trees of ${size}`,
      // New ones for every round: the plan of a step that was compiled before is known.
      prepare(times: number): void {
        trees = Array.from({ length: times / size }, () => treeOf(size));
      },
      run(): void {
        for (const tree of trees) client.compile(tree);
      },
    };
  });
  const rounds = isQuick ? 5 : 25;
  const figures = await measureInTurn(cases, { rounds, times: STEPS });
  const [small, large] = cases.map(({ name }) => name);
  const rows = cases.map(({ name }) => [
    name,
    shownEstimate(estimateOf(figures.get(name) ?? []), 2),
    shownEstimate(estimateOf(ratiosOf(figures, name, small ?? '')), 2),
  ]);
  console.log(`\ncompile ${STEPS} steps in a row (${large}: 10 trees), ${rounds} rounds\n`);
  console.log(tableOf([['', 'CPU µs per step', `as ${small}`], ...rows]));
}

/** As deep as it must be, as wide as it can be: each step has two that follow it. */
function treeOf(steps: number): Step {
  const step = new Step()
    .url(`https://api.example.com/orders/${steps}`)
    .method('POST')
    .header('Content-Type', 'application/json')
    .body(JSON.stringify({ order: steps, items: [1, 2, 3] }))
    .metadata({ order: steps })
    .tags(['orders']);
  const left = Math.ceil((steps - 1) / 2);
  const right = steps - 1 - left;
  const withLeft = left > 0 ? step.onSuccess(treeOf(left)) : step;
  return right > 0 ? withLeft.onFailure(treeOf(right)) : withLeft;
}
