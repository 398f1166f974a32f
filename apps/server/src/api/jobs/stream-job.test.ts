import type { AttemptRecord, JobRecord } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { newSpec } from '@ezthrottle/testkit/store-suite';
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../tenancy/api-keys.ts';
import { createKeyEnds } from '../../tenancy/key-ends.ts';
import { createJobEventHub, type JobEventHub } from '../../realtime/job-event-hub.ts';
import type { Answer, Call, Route } from '../route.ts';
import { createJobStreams, type JobStreams } from './stream-job.ts';

const ID = '019a0c6e-8f2b-7c3d-9e4f-5a6b7c8d9e0f';
const caller: Caller = {
  organization: 'org',
  apiKey: 'key',
  dialect: 'ezthrottle',
  scopes: ['read'],
  keyHash: 'hash',
  expiresAt: null,
};
const call: Call = {
  body: undefined,
  params: { id: ID },
  query: {},
  header: () => null,
  requestId: 'request',
  onGone: () => undefined,
};

interface World {
  readonly hub: JobEventHub;
  readonly clock: FakeClock;
  readonly streams: JobStreams;
  job: JobRecord;
  attempts: readonly AttemptRecord[];
}

function world(): World {
  const clock = new FakeClock();
  const hub = createJobEventHub(10);
  const made: World = {
    hub,
    clock,
    streams: createJobStreams({
      hub,
      clock,
      waitOf: () => null,
      callOf: () => null,
      keyEnds: createKeyEnds(clock, { apiKey: () => Promise.resolve(null) }),
      keepAliveMs: 15_000,
      jobs: {
        get: async () => made.job,
        attempts: async () => made.attempts,
        live: async () => [],
      },
      endData: async (job) => ({ state: job.state }),
    }),
    attempts: [],
    job: {
      id: ID,
      organization: 'org',
      idempotentKey: 'k',
      spec: newSpec(),
      state: 'pending',
      createdAt: clock.now(),
      startedAt: null,
      end: null,
      parent: null,
      quorumReachedAt: null,
      keyWindowMs: 60_000,
    },
  };
  return made;
}

function ended(job: JobRecord): JobRecord {
  const end = {
    state: 'failed',
    at: job.createdAt + 1,
    path: null,
    attempt: null,
    attempts: [],
    triedPaths: [0],
    error: 'deadline',
  } as const;
  return { ...job, state: 'failed', end };
}

async function open({ streams: { route } }: World): Promise<Extract<Answer, { events: unknown }>> {
  const answer = await handled(route);
  if (!('events' in answer)) throw new Error('no stream was opened');
  return answer;
}

function handled(route: Route): Promise<Answer> {
  if (route.access === 'public') throw new Error('the stream needs a key');
  return route.handle(call, caller);
}

function textOf(answer: Extract<Answer, { events: unknown }>): string {
  return String(answer.events.read() ?? '');
}

describe('an event stream', () => {
  test('gives a sign of life while nothing happens', async () => {
    const made = world();
    const answer = await open(made);
    expect(textOf(answer)).toContain('event: queued\nid: 0\n');
    await made.clock.advance(30_000);
    expect(textOf(answer)).toBe(': keepalive\n\n: keepalive\n\n');
    answer.events.destroy();
  });

  test('finds the end of a job that nobody told it of', async () => {
    const made = world();
    const answer = await open(made);
    made.job = ended(made.job);
    await made.clock.advance(15_000);
    expect(textOf(answer)).toContain('event: failed\nid: 1\n');
  });

  test('tells the waits of a job without moving the place where a client resumes', async () => {
    const made = world();
    const answer = await open(made);
    textOf(answer);
    const wait = { jobId: ID, at: 7, type: 'waiting', key: 'o', reason: 'rate', until: 9 } as const;
    made.hub.publish(wait);
    expect(textOf(answer)).toBe(
      `event: waiting\ndata: {"job_id":"${ID}","at":7,"key":"o","reason":"rate","until":9}\n\n`,
    );
    answer.events.destroy();
  });

  test('lets go of a client that does not read, and keeps nothing for it', async () => {
    const made = world();
    const answer = await open(made);
    for (let attempt = 1; attempt < 100 && !answer.events.destroyed; attempt += 1) {
      const about = { attempt, reason: 'x'.repeat(10_000), statusCode: null, retryAt: 2 };
      made.hub.publish({ jobId: ID, at: 1, type: 'retrying', ...about });
    }
    expect(answer.events.destroyed).toBe(true);
    await made.clock.advance(0);
    expect([made.hub.watchers, made.clock.nextTimerIn()]).toEqual([0, null]);
  });

  test('tells a history of any length to a client that reads', async () => {
    const made = world();
    const error = 'x'.repeat(1_000);
    made.attempts = Array.from({ length: 1_000 }, (_, index) => ({
      attempt: index + 1,
      leg: 0,
      path: 0,
      region: 'local',
      url: 'http://target.example/',
      outcome: 'network_error',
      statusCode: null,
      error,
      armedAt: index,
      startedAt: index,
      endedAt: index,
      ...(index < 999 && { retryAt: index + 1 }),
    }));
    made.job = ended(made.job);
    const chunks: unknown[] = [];
    for await (const chunk of (await open(made)).events) chunks.push(chunk);
    const ids = [...chunks.join('').matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids.at(-1)).toBe(2_001);
    // All but the retry of the last attempt: there was none.
    expect(new Set(ids).size).toBe(2_001);
  });

  test('ends when the server stops, and no new one begins', async () => {
    const made = world();
    const answer = await open(made);
    made.streams.close();
    const chunks: unknown[] = [];
    for await (const chunk of answer.events) chunks.push(chunk);
    expect(chunks.join('')).toContain('event: queued');
    await expect(open(made)).rejects.toMatchObject({ code: 'unavailable' });
  });
});
