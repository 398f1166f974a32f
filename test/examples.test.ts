import { describe, expect, it } from 'vitest';
import { EXAMPLES, startExample } from '../scripts/examples/start-example.ts';

const START_MS = 180_000;

describe.each(EXAMPLES)('the example %s', (name) => {
  it(
    'submits a job for an order, and prints the result once its webhook has brought it',
    async () => {
      const lines: string[] = [];
      await using example = await startExample(name, (line) => lines.push(line));
      const answer = await fetch(`${example.origin}/orders/17`, { method: 'POST' });
      expect(answer.status).toBe(202);
      expect(await answer.json()).toMatchObject({ kind: 'submitted' });
      const delivered = 'delivered: order 17, success, {"order":"17","inStock":true}';
      await expect.poll(() => lines, { timeout: 10_000 }).toContain(delivered);
      if (name === 'worker') {
        await expect.poll(() => lines, { timeout: 10_000 }).toContain('continued: order 17');
      }
    },
    START_MS,
  );
});
