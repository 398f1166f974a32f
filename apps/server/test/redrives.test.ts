// Redrives as an operator sees them over HTTP: many dead letters, sent again slowly and with care.

import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectBoundOfWhatIsSent } from './redrive-bound.ts';
import {
  objectOf,
  type Reply,
  type RunningServer,
  startServer,
  textOf,
  until,
} from './running-server.ts';

const PATH = '/api/v1/redrives';
let server: RunningServer;
let target: Upstream;
/** Whether the target is broken, and what it never takes. */
let isBroken = true;
let poison = (_path: string): boolean => false;

beforeEach(async () => {
  isBroken = true;
  poison = () => false;
  target = await createUpstream(({ path }) => ({ status: isBroken || poison(path) ? 400 : 200 }));
  server = await startServer({
    rate: [`${target.origin}=2000`],
    'delivery-delays': '0s',
    'delivery-give-up': '500ms',
  });
});

afterEach(async () => {
  await server.close();
  await target.close();
});

const ok = (reply: Reply): Record<string, unknown> => {
  if (reply.status >= 400) throw new Error(reply.text);
  return reply.json;
};

function listOf(value: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new Error(`not a list: ${JSON.stringify(value)}`);
  return value.map(objectOf);
}

/** So many jobs that have failed. */
async function deadJobs(count: number, job: Record<string, unknown> = {}): Promise<void> {
  const jobs = Array.from({ length: count }, (_, index) => ({
    url: target.url(`/job-${index}`),
    tags: ['dead'],
    retry_policy: { max_retries: 0, max_reroutes: 0 },
    ...job,
  }));
  const { json } = await server.call('POST', '/api/v1/jobs/batch', { jobs });
  expect(listOf(json['results']).map(({ status_code }) => status_code)).toEqual(
    Array(count).fill(201),
  );
  await until(
    () => server.call('GET', '/api/v1/jobs?status=queued,racing,processing&limit=1'),
    (reply) => listOf(reply.json['jobs']).length === 0,
  );
}

const begin = (body: Record<string, unknown>, headers = {}): Promise<Reply> =>
  server.call('POST', PATH, { reason: 'the target is well again', ...body }, headers);

const show = async (id: unknown): Promise<Record<string, unknown>> =>
  (await server.call('GET', `${PATH}/${String(id)}`)).json;

const over = (id: unknown): Promise<Record<string, unknown>> =>
  until(
    () => show(id),
    ({ ended_at }) => ended_at !== null,
  );

async function itemsOf(id: unknown): Promise<readonly Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let cursor: unknown = null;
  do {
    const more = typeof cursor === 'string' ? `&cursor=${cursor}` : '';
    const { json } = await server.call('GET', `${PATH}/${String(id)}/items?limit=100${more}`);
    items.push(...listOf(json['items']));
    cursor = json['next_cursor'];
  } while (cursor !== null);
  return items;
}

const pathsOf = ({ json }: Reply): readonly string[] =>
  listOf(json['problems']).map(({ path }) => textOf(path));

async function acts(): Promise<readonly unknown[]> {
  const { json } = await server.call('GET', '/api/v1/audit-log?limit=10');
  return listOf(json['entries']).map(({ action }) => action);
}

describe('a redrive of jobs', () => {
  test('tells first how many there are, and sends nothing then', async () => {
    await deadJobs(7);
    await deadJobs(1, { url: 'http://127.0.0.1:1/' });
    target.clear();
    const { status, json } = await begin({ dry_run: true, filter: { tag: 'dead' } });
    expect(status).toBe(200);
    expect(json).toEqual({
      dry_run: true,
      of: 'jobs',
      count: 8,
      more: false,
      by_reason: { target_refused: 7, target_unreachable: 1 },
      left_out: {},
      by_destination: [
        { destination: target.origin, count: 7 },
        { destination: 'http://127.0.0.1:1', count: 1 },
      ],
    });
    expect((await begin({ dry_run: true, max_items: 5 })).json).toMatchObject({
      count: 5,
      more: true,
    });
    expect(target.requests).toEqual([]);
    expect(await acts()).toEqual([]);
  });

  test('does not count what it would pass over, and tells how many that are and why', async () => {
    const headers = { 'X-Private': 'of nobody else' };
    await deadJobs(1, { url: target.url('/again'), headers });
    const { json } = await server.call('GET', '/api/v1/dead-letters/jobs');
    const one = textOf(listOf(json['jobs'])[0]?.['job_id']);
    const why = { reason: 'a look' };
    await server.call('POST', `/api/v1/dead-letters/jobs/${one}/replay`, why);
    await deadJobs(2, { execute_before: Date.now() + 500, headers });
    const dry = await until(
      () => begin({ dry_run: true }),
      ({ json: found }) => objectOf(found['left_out'])['too_late'] === 2,
    );
    // What was sent again has died again: of this one there is no new try yet.
    expect(dry.json).toMatchObject({ count: 1, left_out: { already: 1, too_late: 2 } });
    const edit = { execute_before: 0 };
    expect((await begin({ dry_run: true, edit })).json).toMatchObject({
      count: 3,
      left_out: { already: 1 },
    });
    const rules = { request_headers: ['x-private'] };
    await server.call('PUT', '/api/v1/settings/redaction', rules);
    await until(
      () => begin({ dry_run: true }),
      ({ json: found }) => objectOf(found['left_out'])['erased'] === 4,
    );
    const last = await begin({ dry_run: true });
    expect(last.json).toMatchObject({ count: 0, by_reason: {}, by_destination: [] });
    target.clear();
    const { json: begun } = await begin({ canary: 0, rate: 1_000 });
    expect(await over(begun['redrive_id'])).toMatchObject({ counts: { unfit: 4 } });
    expect(target.requests).toEqual([]);
  });

  test('spends its rate on what it sends, and none on what was sent again before', async () => {
    await deadJobs(60);
    isBroken = false;
    const first = await begin({ canary: 0, rate: 1_000 });
    await over(first.json['redrive_id']);
    isBroken = true;
    await deadJobs(4, { method: 'POST', body: 'new' });
    isBroken = false;
    target.clear();
    const { json } = await begin({ canary: 0, rate: 3 });
    const stored = await over(json['redrive_id']);
    expect(stored).toMatchObject({ counts: { already: 60, succeeded: 4 } });
    expect(target.requests.map(({ body }) => body)).toEqual(Array(4).fill('new'));
    // At 3 a second, 64 would take more than 20 s; so does any rate, but for these 4.
    const took = Number(stored['ended_at']) - Number(stored['created_at']);
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(10_000);
  });

  test('sends as many as max_items says, however many it passes over', async () => {
    expect.hasAssertions();
    await expectBoundOfWhatIsSent(server, target);
  });

  test('whose request is mistyped is refused with every place, and sends nothing', async () => {
    await deadJobs(2);
    target.clear();
    const reply = await begin({
      filter: { tags: 'dead', destination: 'api.example.com', ended_from: 5, ended_before: 5 },
      edit: { header: {}, webhooks: [{ url: target.url('/hook'), hasQuorumVote: true }] },
      dryRun: true,
    });
    expect(reply.status).toBe(400);
    expect(pathsOf(reply).toSorted()).toEqual([
      'dryRun',
      'edit.header',
      'edit.webhooks[0].hasQuorumVote',
      'filter.destination',
      'filter.ended_from',
      'filter.tags',
    ]);
    const kinds = { of: 'x', rate: 0, filter: { destination: 'nope' }, edit: { url: 'nope' } };
    expect(pathsOf(await begin(kinds))).toEqual(
      expect.arrayContaining(['of', 'rate', 'filter.destination', 'edit.url']),
    );
    for (const destination of [`${target.origin}/`, target.origin.toUpperCase(), 'ftp://a.test']) {
      expect(pathsOf(await begin({ filter: { destination } }))).toEqual(['filter.destination']);
      const query = `destination=${encodeURIComponent(destination)}&ended_from=9&ended_before=8`;
      for (const of of ['jobs', 'deliveries']) {
        const list = await server.call('GET', `/api/v1/dead-letters/${of}?${query}`);
        expect([list.status, pathsOf(list)]).toEqual([400, ['destination', 'ended_from']]);
      }
    }
    const { json } = await server.call('GET', '/api/v1/dead-letters/jobs');
    const one = `/api/v1/dead-letters/jobs/${textOf(listOf(json['jobs'])[0]?.['job_id'])}/replay`;
    const replay = await server.call('POST', one, { edits: {}, edit: { payload: '' } });
    expect([replay.status, pathsOf(replay)]).toEqual([400, ['edits', 'edit.payload']]);
    expect(listOf((await server.call('GET', PATH)).json['redrives'])).toEqual([]);
    expect(target.requests).toEqual([]);
  });

  test('sends all of them once, canary first, and tells what became of each', async () => {
    await deadJobs(60);
    isBroken = false;
    target.clear();
    const reply = await begin({ rate: 1_000, canary: 5 }, { 'X-EZThrottle-Actor': 'ada' });
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({ state: 'canary', actor: 'ada', canary: 5 });
    const id = reply.json['redrive_id'];
    expect(await over(id)).toMatchObject({
      state: 'completed',
      counts: { sent: 0, succeeded: 60, failed: 0, already: 0 },
      failure_percent: 0,
    });
    expect(target.requests).toHaveLength(60);
    const items = await itemsOf(id);
    expect(items.map(({ number }) => number)).toEqual(items.map((_, index) => index + 1));
    expect(new Set(items.map(({ outcome }) => outcome))).toEqual(new Set(['succeeded']));
    const first = await server.call('GET', `/api/v1/jobs/${textOf(items[0]?.['result_id'])}`);
    expect(first.json).toMatchObject({ redrive_of: items[0]?.['source_id'], status: 'success' });
    expect(await acts()).toEqual(['redrive.complete', 'redrive.start']);

    const again = await begin({ rate: 1_000 });
    expect(await over(again.json['redrive_id'])).toMatchObject({
      counts: { succeeded: 0, already: 60 },
    });
    expect(target.requests).toHaveLength(60);
  });

  test('stops within its canary when the target is still broken', async () => {
    await deadJobs(50);
    target.clear();
    const { json } = await begin({ rate: 1_000, canary: 10, max_failure_percent: 20 });
    const stopped = await over(json['redrive_id']);
    expect(stopped).toMatchObject({ state: 'stopped' });
    expect(target.requests.length).toBeLessThanOrEqual(10);
    expect(await acts()).toEqual(['redrive.stop', 'redrive.start']);
  });

  test('stops during the rest when what comes later fails', async () => {
    await deadJobs(300);
    isBroken = false;
    poison = (path) => Number(path.slice('/job-'.length)) >= 100;
    target.clear();
    const { json } = await begin({ rate: 100, canary: 5 });
    expect(await over(json['redrive_id'])).toMatchObject({ state: 'stopped' });
    expect(target.requests.length).toBeLessThan(300);
  });

  test('is cancelled: what is not sent stays dead', async () => {
    await deadJobs(30);
    isBroken = false;
    target.clear();
    const { json } = await begin({ rate: 1, canary: 0 });
    const id = json['redrive_id'];
    await target.waitFor(1);
    const cancel = (body?: object): Promise<Reply> =>
      server.call('POST', `${PATH}/${String(id)}/cancel`, body);
    expect(pathsOf(await cancel())).toEqual(['reason']);
    expect(pathsOf(await cancel({ reasons: 'x' }))).toEqual(['reasons']);
    const cancelled = await cancel({ reason: 'not yet' });
    expect([cancelled.status, cancelled.json['state']]).toEqual([200, 'cancelled']);
    expect((await cancel({ reason: 'not yet' })).status).toBe(200);
    await over(id);
    expect(target.requests.length).toBeLessThan(5);
    expect(await acts()).toEqual(['redrive.cancel', 'redrive.start']);
    expect((await begin({ dry_run: true })).json['count']).toBe(30 - target.requests.length);
  });

  test('goes on where it was after a restart, and sends nothing twice', async () => {
    await deadJobs(40);
    isBroken = false;
    target.clear();
    const { json } = await begin({ rate: 40, canary: 5 });
    await target.waitFor(8);
    await server.restart();
    expect(await over(json['redrive_id'])).toMatchObject({
      state: 'completed',
      counts: { succeeded: 40, failed: 0, already: 0 },
    });
    const paths = target.requests.map(({ path }) => path);
    expect(new Set(paths).size).toBe(40);
  });

  test('is begun once, however often a client asks that has missed the answer', async () => {
    await deadJobs(3);
    const key = { 'Idempotency-Key': 'wish' };
    const [first, second] = [await begin({}, key), await begin({}, key)];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json['redrive_id']).toBe(first.json['redrive_id']);
    expect([first.json['duplicate'], second.json['duplicate']]).toEqual([undefined, true]);
    expect(second.json['mismatch']).toBeUndefined();
    const other = await begin({ filter: { tag: 'dead' }, rate: 3 }, key);
    expect(other.json).toMatchObject({ duplicate: true, mismatch: true, rate: 10 });
    const json = ok(await server.call('GET', PATH));
    expect(listOf(json['redrives'])).toHaveLength(1);
  });

  test('edits each of them', async () => {
    await deadJobs(5);
    const other = await createUpstream({ status: 200 });
    try {
      const { json } = await begin({ edit: { url: other.url('/new') }, rate: 100 });
      expect(await over(json['redrive_id'])).toMatchObject({ counts: { succeeded: 5 } });
      expect(other.requests.map(({ path }) => path)).toEqual(Array(5).fill('/new'));
    } finally {
      await other.close();
    }
  });

  test('says all that is wrong with it, and needs a reason', async () => {
    const { status, json } = await server.call('POST', PATH, {
      of: 'deliveries',
      rate: 0,
      filter: { reasons: ['nonsense'] },
    });
    expect(status).toBe(400);
    expect(new Set(listOf(json['problems']).map(({ path }) => path))).toEqual(
      new Set(['filter.reasons[0]', 'rate', 'reason']),
    );
    const wrong = await begin({ filter: { reasons: ['gone'] }, edit: { url: 'x' } });
    expect(listOf(wrong.json['problems']).map(({ path }) => path)).toEqual([
      'edit.url',
      'filter.reasons[0]',
    ]);
    expect((await server.call('GET', `${PATH}/nonsense`)).status).toBe(404);
  });
});

describe('a redrive of deliveries', () => {
  test('delivers again under the same ids, and counts what arrives', async () => {
    isBroken = false;
    poison = (path) => path === '/hook';
    await deadJobs(12, { webhooks: [{ url: target.url('/hook') }] });
    await until(
      () => begin({ of: 'deliveries', dry_run: true }),
      ({ json }) => json['count'] === 12,
    );
    poison = () => false;
    target.clear();
    const { json } = await begin({ of: 'deliveries', rate: 1_000, canary: 2 });
    expect(await over(json['redrive_id'])).toMatchObject({
      state: 'completed',
      of: 'deliveries',
      counts: { succeeded: 12, failed: 0 },
    });
    const ids = target.requests.map(({ body }) => objectOf(JSON.parse(body))['delivery_id']);
    expect(new Set(ids)).toEqual(
      new Set((await itemsOf(json['redrive_id'])).map(({ source_id }) => source_id)),
    );
  });
});
