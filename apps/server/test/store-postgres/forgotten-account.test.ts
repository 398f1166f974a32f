import { randomUUID } from 'node:crypto';
import type { Id, NewJob, Store } from '@ezthrottle/engine';
import {
  API_KEY,
  newJob,
  newSpec,
  newWork,
  ORGANIZATION,
  ORIGIN,
} from '@ezthrottle/testkit/store-suite';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { type TemporarySchema, temporarySchema } from '../temporary-postgres-store.ts';

const organization = ORGANIZATION.id;
const LINE = { organization, apiKey: API_KEY.id, userId: 'ada', origin: ORIGIN };

let postgres: PostgresService;
let place: TemporarySchema;
let nodes: readonly [Store, Store];

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

beforeEach(async () => {
  place = await temporarySchema(postgres.url);
  const { url, schema } = place;
  await (await openPostgresStore({ url, schema })).close();
  const opened: Store[] = [];
  for (const epoch of [1, 2]) {
    const node = randomUUID();
    await place.query('INSERT INTO fences (node, epoch) VALUES ($1, $2)', [node, epoch]);
    opened.push(await openPostgresStore({ url, schema, fence: { node, epoch } }));
  }
  const [first, second] = opened;
  if (first === undefined || second === undefined) throw new Error('two nodes');
  nodes = [first, second];
  await first.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
  ]);
  return async () => {
    await Promise.all(opened.map((node) => node.close()));
    await place[Symbol.asyncDispose]();
  };
});

const ofAda = (): NewJob =>
  newJob({ spec: newSpec({ userId: 'ada' }), work: [newWork({ origin: ORIGIN })] });

const submit = async (node: Store, jobs: readonly NewJob[]): Promise<readonly string[]> => {
  const verdicts = await node.commit(jobs.map((job) => ({ type: 'submit', job })));
  return verdicts.map(({ verdict }) => verdict);
};

const forget = (node: Store) =>
  node.commit([{ type: 'forget_account', organization, userId: 'ada' }]);

async function jobsOfAda(node: Store): Promise<readonly Id[]> {
  const found = await node.privacy.ofAccount({
    organization,
    userId: 'ada',
    after: null,
    limit: 1_000,
  });
  return found.jobs.map(({ id }) => id);
}

it('what a node takes in for an account that another node has forgotten is of a new account', async () => {
  const [one, other] = nodes;
  // Both have seen the name, in each of their lanes.
  for (const node of [one, other, one, other]) {
    await Promise.all([submit(node, [ofAda()]), submit(node, [ofAda()])]);
    await node.work.ready(LINE, null, 10);
  }
  await forget(one);
  expect(await jobsOfAda(other)).toEqual([]);

  const fresh = ofAda();
  expect(await submit(other, [fresh])).toEqual(['ok']);

  for (const node of nodes) {
    // A deletion that is asked for anew finds it, and so does whoever makes the calls of its line.
    expect(await jobsOfAda(node)).toEqual([fresh.id]);
    const ready = await node.work.ready(LINE, null, 100);
    expect(ready.map(({ jobId }) => jobId)).toEqual([fresh.id]);
  }
  const names = await place.query(`SELECT convert_from(user_id, 'UTF8') AS name FROM accounts`);
  expect(names.map(({ name }) => String(name).replace(/:.*/, '')).toSorted()).toEqual([
    'ada',
    'erased',
  ]);
});

it('a node that stands still in the middle of a write keeps nobody waiting: the name is forgotten later', async () => {
  const [one, other] = nodes;
  await submit(other, [ofAda()]);
  await place.query('BEGIN');
  await place.query('SELECT 1 FROM fences WHERE epoch = 2 FOR SHARE');
  const begun = performance.now();
  expect(await forget(one)).toEqual([{ verdict: 'stale' }]);
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect(await submit(one, [ofAda()])).toEqual(['ok']);
  expect(await jobsOfAda(one)).toHaveLength(2);

  await place.query('COMMIT');
  expect(await forget(one)).toEqual([{ verdict: 'ok', count: 1 }]);
  expect(await jobsOfAda(other)).toEqual([]);
});

it('a name is forgotten while another node takes in jobs of it: all that are taken in later are found by it', async () => {
  const [one, other] = nodes;
  await submit(one, [ofAda()]);
  await submit(other, [ofAda()]);
  for (let round = 0; round < 10; round += 1) {
    const taken: NewJob[] = [];
    const before: NewJob[] = [];
    let isForgotten = false;
    const taking = (async () => {
      while (taken.length < 20) {
        const job = ofAda();
        // Only what began after the answer is known to come later.
        (isForgotten ? taken : before).push(job);
        expect(await submit(other, [job])).toEqual(['ok']);
      }
    })();
    await forget(one);
    isForgotten = true;
    await taking;
    expect(await jobsOfAda(one)).toEqual(expect.arrayContaining(taken.map(({ id }) => id)));
  }
});
