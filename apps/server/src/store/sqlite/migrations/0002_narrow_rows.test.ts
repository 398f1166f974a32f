import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openConnection } from '../connection.ts';
import { idempotencyKeyHash } from '../../rows/stored-claim.ts';
import { migrate } from '../migrate.ts';
import { MIGRATIONS } from '../migrations.ts';
import { openSqliteStore } from '../sqlite-store.ts';

const ID = (number: number): string =>
  `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const BLOB = (number: number): string => `x'${ID(number).replaceAll('-', '')}'`;
const PATH = {
  url: 'https://api.test/a',
  origin: 'https://api.test',
  method: 'PUT',
  headers: { a: 'b' },
  body: { encoding: 'utf8', data: 'x' },
  timeoutMs: 1,
  regions: [],
  regionPolicy: 'fallback',
  executionMode: 'race',
  retry: { maxRetries: 0, maxReroutes: 0, retryCodes: [], rerouteCodes: [] },
  trigger: null,
  onSuccess: null,
  onFailure: null,
};
const SPEC = {
  planVersion: 1,
  paths: [PATH],
  metadata: {},
  tags: ['t'],
  webhooks: [],
  webhookQuorum: 1,
  onFailureTimeoutMs: null,
  notBefore: null,
  idempotentKey: null,
  strictIdempotency: false,
  sendIdempotencyKey: false,
  userId: '',
  priority: 0,
  repeat: 'allowed',
};
const END = {
  state: 'completed',
  at: 50,
  path: 0,
  attempt: 2,
  attempts: [],
  triedPaths: [0],
  error: null,
};
const LEG = {
  id: 0,
  path: 0,
  region: 'r',
  triedRegions: [],
  retries: 1,
  reroutes: 0,
  unknowns: 0,
  heldBack: 0,
};
const RUN = {
  state: 'processing',
  acceptedAt: 10,
  attempts: 1,
  legs: [{ ...LEG, state: 'armed', attempt: 1, token: 'tok' }],
  paths: [{ state: 'running', startedAt: null }],
  lastStartedPath: 0,
  end: null,
};
const KEY_HASH = Buffer.from(idempotencyKeyHash('k')).toString('hex');

/** One job that has ended, with all that can hang on it, one that is armed and one that waits. */
const ROWS = `
  INSERT INTO organizations VALUES (1, ${BLOB(1)}, 'Acme', 0);
  INSERT INTO api_keys VALUES (1, ${BLOB(2)}, 1, 'k', '${'a'.repeat(64)}', 'ezthrottle', 0, NULL);
  INSERT INTO accounts VALUES (1, 1, '');
  INSERT INTO destinations VALUES (1, 1, 'https://api.test');
  INSERT INTO jobs VALUES
    (1, ${BLOB(11)}, 1, 1, 'completed', 10, 20, 50, 'PUT', '${PATH.url}', '["t"]', 0, 'k', NULL, NULL,
     1, 1, 70, '${JSON.stringify(END)}'),
    (2, ${BLOB(12)}, 1, 1, 'processing', 10, NULL, NULL, 'PUT', '${PATH.url}', '["t"]', 0, 'k2', NULL,
     NULL, 1, 0, NULL, NULL),
    (3, ${BLOB(13)}, 1, 1, 'pending', 10, NULL, NULL, 'PUT', '${PATH.url}', '["t"]', 0, 'k3',
     ${BLOB(11)}, 'on_success', 1, 0, NULL, NULL);
  INSERT INTO job_payloads SELECT id, 1, '${JSON.stringify(SPEC)}' FROM jobs;
  INSERT INTO runs VALUES (2, 4, 99, '${JSON.stringify(RUN)}'), (3, 1, NULL, '${JSON.stringify({ ...RUN, state: 'pending' })}');
  INSERT INTO work VALUES (2, 0, 1, 1, 'armed', 10, 10), (3, 0, 1, 1, 'ready', 10, 10);
  INSERT INTO attempts VALUES (1, 1, 0, 0, 't1', 'r', '${PATH.url}', 11),
    (1, 2, 0, 0, 't2', 'r', '${PATH.url}', 12), (2, 1, 0, 0, 'tok', 'r', '${PATH.url}', 13);
  INSERT INTO attempt_outcomes VALUES (1, 1, 'timeout', NULL, 'late', 21, 22),
    (1, 2, 'response', 200, NULL, 31, 32);
  INSERT INTO responses VALUES (1, 1, 2, 200, '{"x":"y"}', 'AA==', 'base64', 0);
  INSERT INTO deliveries VALUES
    (7, ${BLOB(21)}, 1, 0, 'ep', 'https://hooks.test', 'delivered', 1, 1, 2, 204, NULL, NULL, 50),
    (8, ${BLOB(22)}, 1, 1, 'ep', 'https://hooks.test', 'pending', 1, 0, 0, NULL, NULL, 80, 50);
  INSERT INTO delivery_attempts VALUES (7, 1, 500, NULL, 60, 61), (7, 2, 204, NULL, 69, 70);
  INSERT INTO idempotency_keys SELECT id, 1, 'organization',
    iif(id = 1, x'${KEY_HASH}${'00'.repeat(16)}', randomblob(32)), 'f', 1000, iif(id = 1, 1050, NULL), 0
    FROM jobs;
  INSERT INTO tags SELECT 1, 't', state, created_at, public_id, id FROM jobs;
  UPDATE job_counts SET jobs = 1 WHERE state IN ('pending', 'processing', 'completed');`;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-narrow-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('a server goes on with what an older one has left', async () => {
  const file = join(folder, 'old.db');
  const old = openConnection({ file });
  migrate(old, MIGRATIONS.slice(0, 1), { now: () => 0 });
  old.execute(ROWS);
  old.close();

  const store = await openSqliteStore({ file });
  expect(await store.jobs.get(ID(1), ID(11))).toMatchObject({
    idempotentKey: 'k',
    spec: SPEC,
    state: 'completed',
    end: END,
    quorumReachedAt: 70,
  });
  expect(await store.jobs.attempts(ID(11))).toMatchObject([
    { attempt: 1, outcome: 'timeout', error: 'late', armedAt: 11 },
    { attempt: 2, outcome: 'response', statusCode: 200, startedAt: 31, endedAt: 32 },
  ]);
  expect(await store.jobs.responses(ID(11), [1, 2])).toEqual([
    {
      attempt: 2,
      region: 'r',
      response: {
        status: 200,
        headers: { x: 'y' },
        body: 'AA==',
        bodyEncoding: 'base64',
        truncated: false,
      },
    },
  ]);
  expect(await store.jobs.deliveries(ID(11))).toMatchObject([
    { id: ID(21), state: 'delivered', attempts: 2, statusCode: 204 },
    { id: ID(22), state: 'pending', nextAttemptAt: 80, webhook: 1 },
  ]);
  expect(await store.jobs.live([ID(11), ID(12)])).toMatchObject([
    { id: ID(12), run: RUN, spec: SPEC, version: 4, wakeAt: 99 },
  ]);
  expect(await store.jobs.attempts(ID(12))).toMatchObject([{ attempt: 1, outcome: null }]);
  expect(await store.work.armed(null, 10)).toEqual([{ jobId: ID(12), leg: 0 }]);
  expect(await store.work.lines()).toMatchObject([{ ready: 1 }]);
  const listed = await store.jobs.list({
    organization: ID(1),
    states: ['completed', 'pending'],
    tag: 't',
    idempotentKey: null,
    before: null,
    limit: 10,
  });
  expect(listed.map(({ id, method, tags }) => [id, method, tags])).toEqual([
    [ID(13), 'PUT', ['t']],
    [ID(11), 'PUT', ['t']],
  ]);
  const [duplicate] = await store.commit([
    {
      type: 'submit',
      job: {
        id: ID(99),
        organization: ID(1),
        apiKey: ID(2),
        spec: (await store.jobs.get(ID(1), ID(11)))?.spec ?? expect.fail('the job is gone'),
        run: { ...RUN, state: 'pending', legs: [], paths: [{ state: 'idle' }] },
        work: [],
        armed: [],
        wakeAt: null,
        idempotency: { scope: 'organization', key: 'k', fingerprint: 'f', windowMs: 1 },
        parent: null,
        createdAt: 1_049,
      },
    },
  ]);
  expect(duplicate).toMatchObject({ verdict: 'duplicate', jobId: ID(11), expiresAt: 1_050 });
  await store.close();
});
