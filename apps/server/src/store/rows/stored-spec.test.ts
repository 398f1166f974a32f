import type { JobSpec, PathSpec, RunState } from '@ezthrottle/engine';
import { describe, expect, it } from 'vitest';
import { restoredRun, storedRun } from './stored-run.ts';
import { restoredSpec, storedSpec } from './stored-spec.ts';

const PATH: PathSpec = {
  url: 'https://api.test/charges?x=1',
  origin: 'https://api.test',
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: { encoding: 'utf8', data: '{"n":"é\u0000"}' },
  timeoutMs: 30_000,
  regions: [],
  regionPolicy: 'fallback',
  executionMode: 'race',
  retry: { maxRetries: 3, maxReroutes: 2, retryCodes: [429, 503], rerouteCodes: [500, 502, 504] },
  trigger: null,
  onSuccess: null,
  onFailure: null,
};
const SPEC: JobSpec = {
  planVersion: 1,
  paths: [PATH],
  metadata: {},
  tags: [],
  webhooks: [
    { url: 'https://hooks.test', regions: [], hasQuorumVote: true, receivesContinuation: false },
  ],
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
const OTHER: JobSpec = {
  ...SPEC,
  paths: [
    { ...PATH, url: 'HTTPS://API.test', body: { encoding: 'base64', data: '/w' }, onSuccess: SPEC },
    { ...PATH, regions: ['iad'], trigger: { kind: 'on_timeout', timeoutMs: 5 } },
    {
      ...PATH,
      body: null,
      retry: { ...PATH.retry, maxRetries: 0 },
      headers: { ['__proto__']: 'x' },
    },
  ],
  metadata: { ['__proto__']: { deep: [null, 1] } },
  tags: ['a'],
  webhooks: [
    { url: 'https://a.test', regions: ['x'], hasQuorumVote: false, receivesContinuation: true },
  ],
  userId: 'ann',
  priority: -3,
  repeat: 'never',
};
const RUN: RunState = {
  state: 'pending',
  acceptedAt: 1_000,
  attempts: 0,
  legs: [
    {
      id: 0,
      path: 0,
      region: 'local',
      triedRegions: [],
      retries: 0,
      reroutes: 0,
      unknowns: 0,
      heldBack: 0,
      state: 'waiting',
      readyAt: 1_000,
    },
  ],
  paths: [{ state: 'running', startedAt: null }],
  lastStartedPath: 0,
  end: null,
};
const [LEG] = RUN.legs;

describe('a spec in its row', () => {
  it.each([SPEC, OTHER, { ...OTHER, paths: [{ ...PATH, url: 'https://api.test' }] }] as JobSpec[])(
    'comes back as it was',
    (spec) => {
      expect(restoredSpec(storedSpec(spec))).toEqual(spec);
    },
  );

  it('takes little room when all is usual', () => {
    expect(storedSpec({ ...SPEC, webhooks: [], paths: [{ ...PATH, headers: {} }] }).spec).toBe(
      '{"path":{"bodyEncoding":"utf8"}}',
    );
  });

  it('is read as an older server wrote it', () => {
    const { method, url } = PATH;
    expect(restoredSpec({ method, url, spec: JSON.stringify(OTHER), body: null })).toEqual(OTHER);
  });
});

describe('a run in its row', () => {
  const armed = { ...LEG, state: 'armed', attempt: 1, token: 't', readyAt: undefined };
  it.each([
    RUN,
    { ...RUN, acceptedAt: 5, legs: [{ ...LEG, readyAt: 7, retries: 2 }] },
    { ...RUN, state: 'processing', attempts: 1, legs: [JSON.parse(JSON.stringify(armed))] },
    { ...RUN, paths: [{ state: 'running', startedAt: 3 }, { state: 'idle' }], legs: [] },
    { ...RUN, lastResponse: { path: 0, attempt: 1 } },
  ] as RunState[])('comes back as it was', (run) => {
    expect(restoredRun(storedRun(run, 1_000), 1_000)).toEqual(run);
  });

  it('takes little room while it waits, and is read as an older server wrote it', () => {
    expect(storedRun(RUN, 1_000)).toBe('{"legs":[{"region":"local"}]}');
    expect(restoredRun(JSON.stringify(RUN), 999)).toEqual(RUN);
  });
});
