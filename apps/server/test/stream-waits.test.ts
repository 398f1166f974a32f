// What a stream tells of a job that waits: behind a limit, other accounts, a target that is down, over a restart.

import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, textOf } from './running-server.ts';

interface Frame {
  readonly event: string;
  readonly id: string | null;
  readonly data: Record<string, unknown>;
}

let server: RunningServer;
let target: Upstream;

beforeEach(async () => {
  target = await createUpstream();
  server = await startServer({ rate: [`${target.origin}=1000`] });
});

afterEach(async () => {
  await server.close();
  await target.close();
});

async function* streamOf(
  id: string,
  headers: Readonly<Record<string, string>> = {},
): AsyncGenerator<Frame> {
  const { body } = await fetch(`${server.url}/api/v1/jobs/${id}/stream`, {
    headers: { authorization: `Bearer ${server.apiKey}`, ...headers },
  });
  if (body === null) return;
  let text = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const of = (field: string): string | null =>
        new RegExp(`^${field}: (.*)$`, 'm').exec(block)?.[1] ?? null;
      const data = of('data');
      if (data !== null) {
        yield { event: of('event') ?? '', id: of('id'), data: objectOf(JSON.parse(data)) };
      }
    }
  }
}

/** Frames up to the first for which it holds, or to the end. */
async function upTo(
  stream: AsyncGenerator<Frame>,
  isLast: (frame: Frame) => boolean = () => false,
): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of stream) {
    frames.push(frame);
    if (isLast(frame)) break;
  }
  return frames;
}

const submit = async (job: Record<string, unknown>): Promise<string> => {
  const keyed = { idempotent_key: crypto.randomUUID(), url: target.url('/'), ...job };
  const reply = await server.call('POST', '/api/v1/jobs', keyed);
  return textOf(reply.json['job_id']);
};

const namesOf = (frames: readonly Frame[]): readonly string[] => frames.map(({ event }) => event);

test('a job that waits over a restart is told of where it waits, and then to its end', async () => {
  await server.call('PUT', '/api/v1/limits/slow', { rate: 1, per_ms: 400 });
  const ids: string[] = [];
  for (let n = 0; n < 6; n += 1) {
    ids.push(await submit({ limits: ['slow'], user_id: `user ${n % 2}` }));
  }
  const last = ids.at(-1) ?? '';
  await server.restart();
  const frames = await upTo(streamOf(last));
  const waiting = frames.find(({ event }) => event === 'waiting');
  expect(waiting?.data).toMatchObject({ job_id: last, reason: expect.any(String) });
  const places = frames.filter(({ event }) => event === 'position');
  expect(Number(places[0]?.data['position'])).toBeGreaterThan(0);
  expect(frames.at(-1)?.event).toBe('completed');
  expect(frames.filter(({ id }) => id !== null).map(({ event, id }) => [event, id])).toEqual([
    ['queued', '0'],
    ['dispatching', expect.any(String)],
    ['completed', expect.any(String)],
  ]);
  const resumed = await upTo(streamOf(last, { 'last-event-id': '0' }));
  expect(namesOf(resumed)).toEqual(['dispatching', 'completed']);
}, 60_000);

test('a job behind a limit is told the limit, and from when it lets the next call go', async () => {
  await server.call('PUT', '/api/v1/limits/rare', { rate: 1, per_ms: 1_200 });
  await submit({ limits: ['rare'] });
  const id = await submit({ limits: ['rare'] });
  const frames = await upTo(streamOf(id));
  const waiting = frames.filter(({ event }) => event === 'waiting');
  expect(waiting[0]?.data).toMatchObject({ key: 'rare', reason: 'rate' });
  const sent = frames.find(({ event }) => event === 'dispatching');
  const late = Number(sent?.data['at']) - Number(waiting.at(-1)?.data['until']);
  expect(Math.abs(late)).toBeLessThan(250);
}, 60_000);

test('a job behind a target that is down is told so, and until when', async () => {
  target.route('/', { status: 502 });
  const key = encodeURIComponent(`destination:${target.origin}`);
  await server.call('PUT', `/api/v1/limits/${key}`, { rate: 1_000, adaptive: false });
  const openedAt = Date.now();
  let told: Frame | undefined;
  for (let n = 0; told === undefined && Date.now() - openedAt < 20_000; n += 1) {
    await submit({ retry_policy: { max_retries: 0, max_reroutes: 0 } });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const state = await server.call('GET', `/api/v1/limits/${key}`);
    if (!JSON.stringify(state.json).includes('"open"')) continue;
    const id = await submit({});
    const frames = await upTo(streamOf(id), ({ event }) => event === 'waiting');
    told = frames.find(({ event }) => event === 'waiting');
  }
  expect(told?.data).toMatchObject({ key: target.origin, reason: 'circuit' });
  expect(Number(told?.data['until'])).toBeGreaterThan(Date.now());
}, 60_000);

test('a job behind other accounts sees its place shrink to the front', async () => {
  const key = encodeURIComponent(`destination:${target.origin}`);
  await server.call('PUT', `/api/v1/limits/${key}`, { rate: 4, adaptive: false });
  for (let n = 0; n < 6; n += 1) await submit({ user_id: 'busy' });
  const id = await submit({ user_id: 'busy' });
  for (let n = 0; n < 3; n += 1) await submit({ user_id: 'quiet' });
  const frames = await upTo(streamOf(id));
  const places = frames
    .filter(({ event }) => event === 'position')
    .map(({ data }) => Number(data['position']));
  expect(places.length).toBeGreaterThan(1);
  expect(places).toEqual(places.toSorted((first, second) => second - first));
  // Told twice a second at most: the front may have come and gone in between.
  expect(places.at(-1)).toBeLessThanOrEqual(2);
  expect(namesOf(frames)).toContain('waiting');
  expect(frames.at(-1)?.event).toBe('completed');
}, 60_000);
