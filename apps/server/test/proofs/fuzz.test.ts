import { expect, test } from 'vitest';
import { proveFuzz } from './fuzz.ts';

test('no request to any route, however strange, makes the server fail or grow', {
  timeout: 120_000,
}, async () => {
  const report = await proveFuzz({ requests: 3_000, seed: 20_261, connections: 4 });

  expect(report.problems).toEqual([]);
  expect([...report.statuses.keys()].filter((status) => status >= 500)).toEqual([]);
  // It is not only turned away: most routes do what they are for, in between.
  expect(report.neverDone.length).toBeLessThan(report.routes / 5);
  expect(report.rows).toBeLessThan(report.writes * 50);
  const [early, late] = report.heapBytes;
  expect(late - early).toBeLessThan(60e6);
  const [before, after] = report.handles;
  expect(after - before).toBeLessThan(64);
});
