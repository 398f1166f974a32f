import type { LiveJob, PathSpec } from '@ezthrottle/engine';
import { newSpec } from '@ezthrottle/testkit/store-data';
import { describe, expect, test } from 'vitest';
import { filledSpec, recordedJob, recordedOutcome, recordedSpec } from './recorded-spec.ts';

const [PATH] = newSpec({}).paths;
const CALLED = 'https://api.example.com/planted/call';

function recordedBodyOf(data: string): PathSpec['body'] {
  const spec = newSpec({ paths: [{ ...PATH, body: { encoding: 'utf8', data } }] });
  return filledSpec(recordedSpec(spec)).paths[0].body;
}

function keptHeaders(status: number, location: string, called: string | null = CALLED): unknown {
  const outcome = { kind: 'response', status, headers: { location } } as const;
  const recorded = recordedOutcome(outcome, called);
  return recorded.kind === 'response' ? recorded.headers : null;
}

describe('what is recorded of a redirect', () => {
  test('is the origin that it leads to, and nothing of the address there', () => {
    const there = { location: 'https://other.example.com:8443/' };
    expect(keptHeaders(302, 'https://other.example.com:8443/planted?a=planted')).toEqual(there);
    expect(keptHeaders(307, 'planted')).toEqual({ location: 'https://api.example.com/' });
  });

  test.each([
    [201, 'https://other.example.com/'],
    [302, 'ftp://other.example.com/'],
    [302, 'https://user:planted@other.example.com/'],
    [302, '/[secret KEY]/x'],
    [302, '/{{secret.KEY}}'],
  ])('is nothing of what is not followed (%i to %s)', (status, location) => {
    expect(keptHeaders(status, location)).toEqual({});
  });

  test('is nothing where the address of the call is not known', () => {
    expect(keptHeaders(302, '/moved', null)).toEqual({});
  });

  test('is no address of a job that is on its way when the server starts', () => {
    const url = 'https://other.example.com/planted';
    const redirect = { url, hops: 1, method: 'GET', hasBody: false, isElsewhere: true };
    const leg = {
      id: 0,
      path: 0,
      region: 'local',
      triedRegions: [],
      retries: 0,
      reroutes: 0,
      unknowns: 0,
      heldBack: 0,
      state: 'waiting',
      readyAt: 0,
      redirect,
    } as const;
    const run = {
      state: 'processing',
      acceptedAt: 0,
      attempts: 1,
      legs: [leg],
      paths: [],
      lastStartedPath: 0,
      end: null,
    } as const;
    const job: LiveJob = {
      id: '1',
      organization: '2',
      apiKey: '3',
      spec: newSpec({}),
      run,
      version: 1,
      wakeAt: null,
      idempotentKey: 'key',
      parent: null,
      createdAt: 0,
    };
    const [kept] = recordedJob(job).run.legs;
    expect(kept?.redirect).toEqual({ ...redirect, url: 'https://other.example.com/' });
  });
});

describe('the body of a recorded job', () => {
  test('has the length that it had', () => {
    expect(recordedBodyOf('planted')).toEqual({ encoding: 'utf8', data: ' '.repeat(7) });
  });

  test('says whether it refers to secrets, not to which', () => {
    const data = 'key={{secret.PLANTED}}';
    const kept = recordedBodyOf(data)?.data ?? '';
    expect(kept).toContain('{{secret.A}}');
    expect(kept).toHaveLength(data.length);
  });
});
