import type { Operation, SealedText, Store, StoredResponse } from '@ezthrottle/engine';
import {
  API_KEY,
  endingAdvance,
  newAdvance,
  newArmed,
  newClaim,
  newDelivery,
  newEnd,
  newEnded,
  newJob,
  newPath,
  newRun,
  newSettle,
  newSpec,
  newWork,
  nextId,
  ORGANIZATION,
  ORIGIN,
  OTHER_API_KEY,
  OTHER_ORGANIZATION,
  T0,
} from '@ezthrottle/testkit/store-data';

const organization = ORGANIZATION.id;

/** Names of the master keys that seal something in it, sorted. */
export const SEALED_WITH: readonly string[] = ['key-of-old', 'key-of-today'];

const RESPONSE: StoredResponse = {
  status: 200,
  headers: { 'content-type': 'text/plain' },
  body: 'naïve \u{1f600} "quoted"\nlines\\',
  bodyEncoding: 'utf8',
  truncated: true,
};

/** Puts something of every kind that a server keeps into an empty store. */
export async function putOneOfEverything(store: Store): Promise<void> {
  await all(store, [...tenancyOperations(), ...ruleOperations()]);
  await putJobs(store);
  await putRedrives(store);
}

function tenancyOperations(): readonly Operation[] {
  const previous = { hash: 'd'.repeat(64), expiresAt: T0 + 5_000 };
  const rotated = { ...API_KEY, hash: 'c'.repeat(64), previous, hint: 'ezt_…', lastUsedAt: T0 + 7 };
  const signingKey = { publicKey: 'whpk_one', seed: sealed(1), createdAt: T0 };
  return [
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_organization', organization: OTHER_ORGANIZATION },
    { type: 'put_api_key', apiKey: rotated },
    { type: 'put_api_key', apiKey: { ...OTHER_API_KEY, revokedAt: T0 + 9 } },
    {
      type: 'put_webhook_secrets',
      secrets: { organization, primary: sealed(2), secondary: sealed(3), updatedAt: T0 },
    },
    { type: 'put_signing_key', organization, key: signingKey, isRotation: false },
    {
      type: 'put_signing_key',
      organization,
      key: { ...signingKey, publicKey: 'whpk_two' },
      isRotation: true,
    },
    {
      type: 'put_secret',
      secret: {
        organization,
        name: 'TOKEN',
        value: { ...sealed(4), keyId: 'key-of-old' },
        origins: [ORIGIN],
        createdAt: T0,
        updatedAt: T0 + 1,
      },
    },
  ];
}

function ruleOperations(): readonly Operation[] {
  const limit = {
    organization,
    key: 'model:größe',
    data: '{"rate":5}',
    version: 1,
    createdAt: T0,
    updatedAt: T0,
  };
  return [
    {
      type: 'audited',
      operation: { type: 'put_limit', limit, replaces: null },
      entry: {
        id: nextId(),
        organization,
        at: T0,
        action: 'limit.put',
        target: limit.key,
        apiKey: API_KEY.id,
        actor: 'a\u0000da',
        reason: 'a first one',
        before: { rate: 1 },
        after: { rate: 5 },
      },
    },
    {
      type: 'put_document',
      organization,
      kind: 'privacy',
      name: 'settings',
      data: '{"bodiesMs":1000}',
    },
    { type: 'put_pace', rows: [{ organization, origin: ORIGIN, data: '{"rate":3}' }] },
  ];
}

/** Live, armed, ended, dead; with deliveries that are pending, delivered and dead. */
async function putJobs(store: Store): Promise<void> {
  const line = `${ORIGIN} ["model:größe"]`;
  const waiting = newJob({ work: [newWork({ origin: line, rank: 7 })] });
  const delayed = newJob({
    work: [newWork({ state: 'delayed', readyAt: T0 + 60_000 })],
    wakeAt: T0 + 90_000,
    idempotency: newClaim('k', { fingerprint: 'A'.repeat(43), scope: 'organization' }),
  });
  const armed = newJob({ work: [newWork({ state: 'armed' })], armed: [newArmed()] });
  const tagged = newSpec({
    tags: ['red', 'blü'],
    userId: 'b\u0000b',
    metadata: { deep: { er: [1] } },
  });
  const started = newRun({ paths: [{ state: 'running', startedAt: T0 + 3 }] });
  const done = newJob({
    armed: [newArmed(), newArmed({ attempt: 2 })],
    spec: tagged,
    run: started,
  });
  const failed = newJob({
    organization: OTHER_ORGANIZATION.id,
    apiKey: OTHER_API_KEY.id,
    spec: newSpec({ paths: [newPath({ body: { encoding: 'base64', data: 'AP8=' } })] }),
  });
  await all(
    store,
    [waiting, delayed, armed, done, failed].map((job) => ({ type: 'submit', job })),
  );
  const failure = newEnded({
    outcome: 'network_error',
    statusCode: null,
    error: 'reset\u0000',
    retryAt: T0 + 900,
  });
  const deliveries = [0, 1, 2, 3].map((webhook) =>
    newDelivery({ webhook, endpointId: `e${webhook}` }),
  );
  const child = newJob({
    parent: { id: done.id, edge: 'on_success' },
    work: [newWork({ leg: 1, origin: line })],
  });
  await all(store, [
    newAdvance(waiting.id, 1),
    newAdvance(done.id, 1, { run: started, ended: [failure] }),
    endingAdvance(done.id, 2, newEnd({ attempt: 2 }), {
      ended: [newEnded({ attempt: 2, response: RESPONSE })],
      deliveries,
      children: [child],
    }),
    endingAdvance(failed.id, 1, newEnd({ state: 'failed', error: 'no answer' })),
  ]);
  const [delivered, dead, again] = deliveries;
  if (delivered === undefined || dead === undefined || again === undefined) {
    throw new Error('four were made');
  }
  const next = { state: 'pending', nextAttemptAt: T0 + 200 } as const;
  await all(store, [
    newSettle(delivered.id, { statusCode: 503, error: 'not now', next }),
    newSettle(delivered.id, { attempt: 2 }),
    newSettle(dead.id, { statusCode: 410, next: { state: 'dead', reason: 'gone' } }),
    newSettle(again.id, { statusCode: null, error: 'refused', next: { state: 'dead' } }),
    { type: 'replay_delivery', organization, deliveryId: again.id, at: T0 + 300 },
  ]);
}

async function putRedrives(store: Store): Promise<void> {
  const redrive = {
    id: nextId(),
    organization,
    data: '{"state":"running"}',
    version: 1,
    createdAt: T0,
    endedAt: null,
  };
  const ended = { ...redrive, id: nextId(), endedAt: T0 + 400 };
  await all(store, [
    { type: 'put_redrive', redrive: ended, replaces: null, items: [] },
    {
      type: 'put_redrive',
      redrive,
      replaces: null,
      items: [
        { number: 1, source: nextId(), result: nextId(), outcome: 'sent' },
        { number: 2, source: nextId(), result: null, outcome: 'gone' },
      ],
    },
  ]);
}

function sealed(number: number): SealedText {
  return { keyId: 'key-of-today', nonce: `nonce ${number}`, ciphertext: `sealed ${number}` };
}

/** Commits what must all be taken. */
async function all(store: Store, operations: readonly Operation[]): Promise<void> {
  for (const verdict of await store.commit(operations)) {
    if (verdict.verdict !== 'ok') throw new Error(`not taken: ${JSON.stringify(verdict)}`);
  }
}
