import { EZThrottle, Step, StepType } from '@ezthrottle/core';
import { tableOf } from '../numbers.ts';
import { Child } from '../processes/child.ts';
import { estimateOf, measureInTurn, ratiosOf, shownEstimate, type Case } from './rounds.ts';

const TARGET = new URL('./target-main.ts', import.meta.url);
const TIMEOUT_MS = 30_000;
const BODY = JSON.stringify({ order: 1, items: [1, 2, 3] });
const HEADERS = { 'Content-Type': 'application/json' };

/** Calls under way at once: one after the other, much of the time would go into waking up. */
const AT_ONCE = 16;

/** What a FRUGAL call costs beyond the same `fetch`, on loopback. */
export async function printFrugalCost(isQuick: boolean): Promise<void> {
  await using target = Child.start<{ readonly port: number }>(TARGET, {});
  const { port } = await target.next(TIMEOUT_MS);
  const cases = casesOf(`http://127.0.0.1:${port}/orders`);
  const rounds = isQuick ? 5 : 31;
  const figures = await measureInTurn(cases, { rounds, times: isQuick ? 500 : 3_000 });
  const [bare] = cases.map(({ name }) => name);
  const rows = cases.map(({ name }) => [
    name,
    shownEstimate(estimateOf(figures.get(name) ?? []), 1),
    shownEstimate(estimateOf(ratiosOf(figures, name, bare ?? '')), 3),
  ]);
  console.log(`\na FRUGAL call on loopback, ${AT_ONCE} at once, ${rounds} rounds\n`);
  console.log(tableOf([['', 'CPU µs per call', 'as the bare fetch'], ...rows]));
}

function casesOf(url: string): readonly Case[] {
  const client = new EZThrottle({ apiKey: 'benchmark' });
  const step = new Step(client)
    .type(StepType.FRUGAL)
    .url(url)
    .method('POST')
    .headers(HEADERS)
    .body(BODY);
  return [
    repeated('bare fetch', async () => {
      const response = await fetch(url, { method: 'POST', headers: HEADERS, body: BODY });
      return { status: response.status, text: await response.text() };
    }),
    repeated('fetch with a time limit', async () => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url, { method: 'POST', headers: HEADERS, body: BODY, signal });
      return { status: response.status, text: await response.text() };
    }),
    repeated('FRUGAL step', async () => {
      const result = await step.execute();
      if (result.kind !== 'local') throw new Error('the step did not run here');
      return { status: result.status_code ?? 0, text: result.response ?? '' };
    }),
  ];
}

function repeated(
  name: string,
  call: () => Promise<{ readonly status: number; readonly text: string }>,
): Case {
  return {
    name,
    async run(times) {
      let left = times;
      const callInTurn = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          const { status, text } = await call();
          if (status !== 200 || text === '') throw new Error(`${name}: no answer`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, callInTurn));
    },
  };
}
