import type {
  AdvanceOperation,
  ApiKeyRecord,
  Id,
  JobEnd,
  JobSpec,
  NewDelivery,
  NewJob,
  NewWork,
  OrganizationRecord,
  PathSpec,
  RunState,
  SettleDeliveryOperation,
} from '@ezthrottle/engine';

/** The moment at which the suite's stories begin; builders count from here. */
export const T0: number = Date.UTC(2026, 0, 1);

export const ORIGIN = 'https://target.test';

/** Another identifier for every number, in the order of the numbers. */
export function testId(number: number): Id {
  return `00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

let lastId = 0x1000;

/** An identifier that no other call gave. */
export function nextId(): Id {
  lastId += 1;
  return testId(lastId);
}

export const ORGANIZATION: OrganizationRecord = {
  id: testId(1),
  name: 'Acme',
  createdAt: T0,
};

export const API_KEY: ApiKeyRecord = {
  id: testId(2),
  organization: ORGANIZATION.id,
  name: 'main',
  hash: 'a'.repeat(64),
  dialect: 'ezthrottle',
  createdAt: T0,
  expiresAt: null,
  scopes: ['submit', 'read', 'manage'],
  hint: null,
  previous: null,
  lastUsedAt: null,
  revokedAt: null,
};

/** A second tenant with a key of its own. */
export const OTHER_ORGANIZATION: OrganizationRecord = {
  id: testId(3),
  name: 'Other',
  createdAt: T0,
};

export const OTHER_API_KEY: ApiKeyRecord = {
  id: testId(4),
  organization: OTHER_ORGANIZATION.id,
  name: 'other',
  hash: 'b'.repeat(64),
  dialect: 'spooled',
  createdAt: T0,
  expiresAt: T0 + 1_000,
  scopes: ['read'],
  hint: null,
  previous: null,
  lastUsedAt: null,
  revokedAt: null,
};

export function newPath(overrides: Partial<PathSpec> = {}): PathSpec {
  return {
    url: `${ORIGIN}/call`,
    origin: ORIGIN,
    method: 'POST',
    headers: { accept: 'application/json' },
    body: { encoding: 'utf8', data: '{"n":1}' },
    timeoutMs: 30_000,
    regions: [],
    regionPolicy: 'fallback',
    executionMode: 'failover',
    retry: { maxRetries: 3, maxReroutes: 2, retryCodes: [429, 503], rerouteCodes: [500] },
    trigger: null,
    onSuccess: null,
    onFailure: null,
    ...overrides,
  };
}

export function newSpec(overrides: Partial<JobSpec> = {}): JobSpec {
  return {
    planVersion: 1,
    paths: [newPath()],
    metadata: {},
    tags: [],
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
    ...overrides,
  };
}

export function newRun(overrides: Partial<RunState> = {}): RunState {
  return {
    state: 'pending',
    acceptedAt: T0,
    attempts: 0,
    legs: [],
    paths: [{ state: 'idle' }],
    lastStartedPath: 0,
    end: null,
    ...overrides,
  };
}

export function newWork(overrides: Partial<NewWork> = {}): NewWork {
  return { leg: 0, origin: ORIGIN, state: 'ready', readyAt: T0, rank: 0, ...overrides };
}

/** A job with one leg in line, under a key of its own. */
export function newJob(overrides: Partial<NewJob> = {}): NewJob {
  const id = overrides.id ?? nextId();
  return {
    id,
    organization: ORGANIZATION.id,
    apiKey: API_KEY.id,
    spec: newSpec(),
    run: newRun(),
    work: [newWork()],
    armed: [],
    wakeAt: null,
    idempotency: newClaim(`key of ${id}`),
    parent: null,
    createdAt: T0,
    ...overrides,
  };
}

export function newClaim(
  key: string,
  overrides: Partial<NewJob['idempotency']> = {},
): NewJob['idempotency'] {
  return { scope: 'jobs', key, fingerprint: 'one', windowMs: 1_000, ...overrides };
}

/** A step that changes nothing but the version. */
export function newAdvance(
  jobId: Id,
  version: number,
  overrides: Partial<AdvanceOperation> = {},
): AdvanceOperation {
  return {
    type: 'advance',
    jobId,
    version,
    run: newRun(),
    wakeAt: null,
    putWork: [],
    removeWork: [],
    armed: [],
    ended: [],
    end: null,
    children: [],
    deliveries: [],
    ...overrides,
  };
}

export function newEnd(overrides: Partial<JobEnd> = {}): JobEnd {
  return {
    state: 'completed',
    at: T0 + 100,
    path: 0,
    attempt: null,
    attempts: [],
    triedPaths: [0],
    error: null,
    ...overrides,
  };
}

/** The last step of a job. */
export function endingAdvance(
  jobId: Id,
  version: number,
  end: JobEnd = newEnd(),
  overrides: Partial<AdvanceOperation> = {},
): AdvanceOperation {
  return newAdvance(jobId, version, { run: newRun({ state: end.state, end }), end, ...overrides });
}

export function newArmed(
  overrides: Partial<NewJob['armed'][number]> = {},
): NewJob['armed'][number] {
  const attempt = overrides.attempt ?? 1;
  return {
    attempt,
    leg: 0,
    path: 0,
    token: `token ${attempt}`,
    region: 'local',
    url: `${ORIGIN}/call`,
    armedAt: T0 + 10,
    ...overrides,
  };
}

export function newEnded(
  overrides: Partial<AdvanceOperation['ended'][number]> = {},
): AdvanceOperation['ended'][number] {
  const attempt = overrides.attempt ?? 1;
  return {
    attempt,
    token: `token ${attempt}`,
    outcome: 'response',
    statusCode: 200,
    error: null,
    startedAt: T0 + 20,
    endedAt: T0 + 30,
    response: null,
    ...overrides,
  };
}

export function newDelivery(overrides: Partial<NewDelivery> = {}): NewDelivery {
  return {
    id: nextId(),
    webhook: 0,
    endpointId: 'endpoint',
    url: 'https://hooks.test/in',
    hasQuorumVote: true,
    receivesContinuation: true,
    nextAttemptAt: T0 + 100,
    ...overrides,
  };
}

export function newSettle(
  deliveryId: Id,
  overrides: Partial<SettleDeliveryOperation> = {},
): SettleDeliveryOperation {
  return {
    type: 'settle_delivery',
    deliveryId,
    attempt: 1,
    statusCode: 204,
    error: null,
    startedAt: T0 + 110,
    endedAt: T0 + 120,
    next: { state: 'delivered' },
    ...overrides,
  };
}
