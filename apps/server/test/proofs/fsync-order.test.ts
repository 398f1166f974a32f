import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-store.ts';
import { fsyncOrder } from './fsync-order.ts';
import { startTarget } from './recording-target.ts';
import { headersOf, serverPlace, spawnServer } from './server-process.ts';
import { submitLoad } from './submit-load.ts';
import { traceEvents, tracer, whyNoTrace } from './system-trace.ts';

const SINGLE = 150;
const BATCH = 40;
const NAME = /proof-\d{6}/g;

const nameOf = (number: number): string => `proof-${String(number).padStart(6, '0')}`;

test('no submit is answered before a flush of the log that holds its job has come to an end', async (context) => {
  const why = whyNoTrace();
  if (why !== null) context.skip(`the order of flush and answer was not tried: ${why}`);
  await using folder = await temporaryFolder();
  await using target = await startTarget(() => ({ status: 200 }));
  const rates = { [target.origin]: { requestsPerSecond: 500, burst: 50, concurrency: 20 } };
  const place = serverPlace({ folder: folder.path, settings: { rates } });
  const traceFile = join(folder.path, 'trace');
  const server = await spawnServer(place, tracer(traceFile)).ready();
  const jobOf = (number: number): { url: string; idempotent_key: string } => ({
    url: `${target.origin}/call`,
    idempotent_key: nameOf(number),
  });
  const load = { clients: 8, isOver: (submitted: number) => submitted >= SINGLE, jobOf };
  const { accepted } = await submitLoad(server.url, place, load);
  const jobs = Array.from({ length: BATCH }, (_, index) => jobOf(10_000 + index));
  const response = await fetch(`${server.url}/api/v1/jobs/batch`, {
    method: 'POST',
    headers: headersOf(place),
    body: JSON.stringify({ jobs }),
  });
  await response.text();
  await server.stop();

  const events = [...traceEvents(readFileSync(traceFile, 'utf8').split('\n'))];
  const order = fsyncOrder(events, NAME);
  expect(order.answers).toBe(accepted.length + BATCH);
  expect(order.flushes).toBeGreaterThan(0);
  expect(order.early).toEqual([]);
  // What finds nothing would find it if the flushes were not there.
  const unflushed = events.filter(({ call }) => call !== 'fsync' && call !== 'fdatasync');
  expect(fsyncOrder(unflushed, NAME).early).toHaveLength(order.answers);
}, 60_000);
