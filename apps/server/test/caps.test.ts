import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addOrganization, request, type RunningServer, startServer } from './running-server.ts';

const OTHER_KEY = 'the-other-organizations-key';
const PER_SECOND = 50;
const JOBS = 40;
const target = createServer();
let arrivals: { readonly at: number; readonly organization: string }[];
let server: RunningServer;
let origin: string;

beforeEach(async () => {
  arrivals = [];
  target.on('request', (incoming, response) => {
    arrivals.push({ at: performance.now(), organization: incoming.url?.split('/')[1] ?? '' });
    response.end();
  });
  await once(target.listen(0, '127.0.0.1'), 'listening');
  const address = target.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  server = await startServer({ rate: `${origin}=1000`, cap: `${origin}=${PER_SECOND}` });
  await server.restart(() => addOrganization(server.folder, 'other', OTHER_KEY));
});

afterEach(async () => {
  await server.close();
  target.closeAllConnections();
  await new Promise((resolve) => target.close(resolve));
});

test('an origin is never called faster than its cap, by all organizations together', async () => {
  const submit = (apiKey: string, name: string): Promise<unknown> =>
    request(
      `${server.url}/api/v1/jobs/batch`,
      'POST',
      { jobs: Array.from({ length: JOBS }, (_, index) => ({ url: `${origin}/${name}/${index}` })) },
      { authorization: `Bearer ${apiKey}` },
    );
  await Promise.all([submit(server.apiKey, 'one'), submit(OTHER_KEY, 'two')]);
  await expect.poll(() => arrivals.length, { timeout: 20_000 }).toBe(2 * JOBS);
  const times = arrivals.map(({ at }) => at);
  // Any ten in a row take what nine intervals take, less what a busy machine adds to one arrival.
  const spans = times.slice(10).map((at, index) => at - (times[index] ?? 0));
  expect(Math.min(...spans)).toBeGreaterThan((9 / PER_SECOND) * 1_000 - 50);
  // They take turns: neither waits for the other's last.
  const firstHalf = arrivals.slice(0, JOBS).map(({ organization }) => organization);
  for (const name of ['one', 'two']) {
    expect(firstHalf.filter((each) => each === name).length).toBeGreaterThan(JOBS / 4);
  }
});
