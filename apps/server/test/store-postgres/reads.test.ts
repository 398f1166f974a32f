import {
  API_KEY,
  endingAdvance,
  newArmed,
  newDelivery,
  newEnd,
  newJob,
  newSpec,
  newWork,
  nextId,
  ORGANIZATION,
  T0,
} from '@ezthrottle/testkit/store-data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { ADVANCED } from '../../src/store/postgres/advance-writes.ts';
import { listOf } from '../../src/store/postgres/columns.ts';
import { DUE_DELIVERIES, NEXT_DELIVERY } from '../../src/store/postgres/delivery-reads.ts';
import { LIST_BY_KEY, LIST_BY_STATE, LIST_BY_TAG } from '../../src/store/postgres/job-list.ts';
import { LIVE } from '../../src/store/postgres/job-reads.ts';
import { KEY_HOLDERS } from '../../src/store/postgres/key-holders.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { slotList } from '../../src/store/postgres/slot-list.ts';
import {
  ARMED,
  DUE,
  LINES,
  NEXT_DUE,
  NEXT_WAKE,
  READY,
  WAKEABLE,
} from '../../src/store/postgres/work-reads.ts';
import { type TemporarySchema, temporarySchema } from '../temporary-postgres-store.ts';
import { scanned, stepsOf } from './plan-steps.ts';

const FAR = Number.MAX_SAFE_INTEGER;
const ID = nextId();
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const SLOTS = slotList(undefined);
const IDS = listOf('uuid', [ID]);
const STATES = listOf('int2', [0, 1, 2, 3, 4, 5, 6]);
const LIST = [1, STATES, FAR, LAST, 100];
const TAG = Buffer.from('a');

const READS = {
  'lines with ready work': [LINES, [SLOTS], ['work_ready']],
  'ready work of a line': [
    READY,
    [7, 1, 1, TAG, -FAR, 0, 0, 100],
    ['work_ready', 'jobs_pkey', 'accounts_api_key_user_id_key'],
  ],
  'due work': [DUE, [SLOTS, T0, 100], ['work_delayed', 'jobs_pkey']],
  'the next moment of work': [NEXT_DUE, [SLOTS], ['work_delayed']],
  'jobs with something armed': [ARMED, [0, SLOTS, 100], ['runs_armed']],
  'jobs to wake': [WAKEABLE, [SLOTS, T0, 100], ['runs_wakeable']],
  'the next timer': [NEXT_WAKE, [SLOTS], ['runs_wakeable']],
  'due deliveries': [DUE_DELIVERIES, [SLOTS, T0, 0, 0, 0, 100], ['deliveries_due']],
  'the next delivery': [NEXT_DELIVERY, [SLOTS, 0], ['deliveries_due']],
  'jobs by state': [LIST_BY_STATE, LIST, ['runs_listed', 'ended_listed']],
  'jobs by tag': [LIST_BY_TAG, [...LIST, TAG], ['tags_pkey']],
  'jobs by key': [LIST_BY_KEY, [...LIST, ID, null], ['idempotency_keys_pkey']],
  'live jobs': [LIVE, [IDS], ['jobs_public_id_key', 'runs_pkey']],
  'jobs that move on': [ADVANCED, [IDS], ['jobs_public_id_key', 'runs_pkey']],
  'holders of keys': [
    KEY_HOLDERS,
    [listOf('int4', [0]), listOf('int4', [1]), IDS, listOf('bytea', [TAG])],
    ['idempotency_keys_pkey', 'jobs_pkey', 'runs_pkey', 'ended_pkey'],
  ],
} as const;

let postgres: PostgresService;
let place: TemporarySchema;

beforeAll(async () => {
  postgres = await startPostgres();
  place = await temporarySchema(postgres.url);
  const store = await openPostgresStore(place);
  await store.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
  ]);
  const jobs = Array.from({ length: 1_000 }, (_, number) =>
    newJob({
      spec: newSpec({ tags: ['a'] }),
      wakeAt: T0 + number,
      work: [newWork({ state: number % 2 === 0 ? 'ready' : 'delayed' })],
      armed: [newArmed()],
    }),
  );
  await store.commit(jobs.map((job) => ({ type: 'submit', job })));
  const ended = jobs
    .slice(0, 300)
    .map(({ id }) => endingAdvance(id, 1, newEnd(), { deliveries: [newDelivery()] }));
  await store.commit(ended);
  await store.close();
  await place.query('ANALYZE');
  // As in the store's transactions.
  for (const what of ['seqscan', 'hashjoin', 'mergejoin']) {
    await place.query(`SET enable_${what} = off`);
  }
}, 180_000);

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

describe('a read', () => {
  it.each(Object.entries(READS))('of %s goes by its indexes alone', async (_, read) => {
    const [sql, values, indexes] = read;
    const steps = await stepsOf(place, sql, values);
    expect(steps.map((step) => step['Index Name'])).toEqual(expect.arrayContaining([...indexes]));
    expect(scanned(steps)).toEqual([]);
  });
});
