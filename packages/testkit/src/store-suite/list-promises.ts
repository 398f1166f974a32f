import { describe, expect, it } from 'vitest';
import type { Id, JobListQuery, JobSummary, NewJob, Store } from '@ezthrottle/engine';
import {
  API_KEY,
  ORGANIZATION,
  ORIGIN,
  OTHER_API_KEY,
  OTHER_ORGANIZATION,
  T0,
  endingAdvance,
  newAdvance,
  newClaim,
  newEnd,
  newJob,
  newPath,
  newRun,
  newSpec,
  nextId,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore } from './harness.ts';

function queryOf(overrides: Partial<JobListQuery> = {}): JobListQuery {
  return {
    organization: ORGANIZATION.id,
    states: null,
    tag: null,
    idempotentKey: null,
    before: null,
    limit: 100,
    ...overrides,
  };
}

async function listed(store: Store, overrides: Partial<JobListQuery> = {}): Promise<Id[]> {
  return (await store.jobs.list(queryOf(overrides))).map((job) => job.id);
}

function tagged(createdAt: number, ...tags: readonly string[]): NewJob {
  return newJob({ createdAt, spec: newSpec({ tags }) });
}

export function listPromises(open: OpenStore): void {
  describe('a list of jobs', () => {
    it(
      'shows each as a summary',
      onStore(open, async ({ store }) => {
        const path = newPath({ method: 'PUT', executionMode: 'race', regions: ['a', 'b'] });
        const job = newJob({
          spec: newSpec({ paths: [path], tags: ['red', 'blue'] }),
          idempotency: newClaim('my key'),
        });
        await given(store, job);
        await commitOne(store, endingAdvance(job.id, 1, newEnd({ state: 'cancelled' })));
        const summary: JobSummary = {
          id: job.id,
          idempotentKey: 'my key',
          url: `${ORIGIN}/call`,
          method: 'PUT',
          tags: ['red', 'blue'],
          state: 'cancelled',
          racing: true,
          createdAt: T0,
          endedAt: T0 + 100,
        };
        expect(await store.jobs.list(queryOf())).toEqual([summary]);
      }),
    );

    it(
      'goes from the newest to the oldest without gaps or repeats, whatever moves meanwhile',
      onStore(open, async ({ store }) => {
        // Several share a moment, some are ended, and they do not arrive in the order of their times.
        const jobs = [3, 1, 2, 2, 2, 5, 4, 1].map((offset) => newJob({ createdAt: T0 + offset }));
        await given(store, ...jobs);
        for (const job of jobs.slice(0, 3)) await commitOne(store, endingAdvance(job.id, 1));
        const expected = jobs
          .toSorted((one, other) => other.createdAt - one.createdAt || (one.id < other.id ? 1 : -1))
          .map((job) => job.id);
        expect(await listed(store)).toEqual(expected);
        for (const limit of [1, 2, 3]) {
          const seen: Id[] = [];
          let page = await store.jobs.list(queryOf({ limit }));
          for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
            seen.push(...page.map((job) => job.id));
            await given(store, newJob({ createdAt: T0 + 1_000 }));
            page = await store.jobs.list(queryOf({ limit, before: last }));
          }
          expect(seen.filter((id) => expected.includes(id))).toEqual(expected);
          expect(new Set(seen).size).toBe(seen.length);
        }
      }),
    );

    it(
      'filters by states, by tag and by key, and by all of them together',
      onStore(open, async ({ store }) => {
        const pending = tagged(T0 + 1, 'red');
        const scheduled = newJob({
          createdAt: T0 + 2,
          run: newRun({ state: 'scheduled' }),
          spec: newSpec({ tags: ['red', 'blue'] }),
        });
        const ended = tagged(T0 + 3, 'blue');
        const processing = tagged(T0 + 4);
        await given(store, pending, scheduled, ended, processing);
        await commitOne(store, endingAdvance(ended.id, 1));
        const run = newRun({ state: 'processing' });
        await commitOne(store, newAdvance(processing.id, 1, { run }));

        expect(await listed(store, { states: ['pending'] })).toEqual([pending.id]);
        expect(await listed(store, { states: ['processing', 'completed', 'failed'] })).toEqual([
          processing.id,
          ended.id,
        ]);
        expect(await listed(store, { states: [] })).toEqual([]);
        expect(await listed(store, { tag: 'red' })).toEqual([scheduled.id, pending.id]);
        expect(await listed(store, { tag: 'blue', states: ['completed'] })).toEqual([ended.id]);
        expect(await listed(store, { tag: 'none' })).toEqual([]);
        const key = scheduled.idempotency.key;
        expect(await listed(store, { idempotentKey: key })).toEqual([scheduled.id]);
        expect(await listed(store, { idempotentKey: key, tag: 'blue' })).toEqual([scheduled.id]);
        expect(await listed(store, { idempotentKey: key, tag: 'none' })).toEqual([]);
        expect(await listed(store, { idempotentKey: key, states: ['failed'] })).toEqual([]);
      }),
    );

    it(
      'pages on within a filter, and shows every job that ever held a key',
      onStore(open, async ({ store }) => {
        const claim = newClaim('k', { windowMs: 0 });
        const jobs = [T0, T0 + 200, T0 + 400].map((createdAt) =>
          newJob({ createdAt, idempotency: claim, spec: newSpec({ tags: ['red'] }) }),
        );
        for (const job of jobs) {
          await given(store, job, newJob({ createdAt: job.createdAt }));
          await commitOne(store, endingAdvance(job.id, 1, newEnd({ at: job.createdAt + 100 })));
        }
        const expected = jobs.map((job) => job.id).toReversed();
        for (const filter of [{ idempotentKey: 'k' }, { tag: 'red' }]) {
          const first = await store.jobs.list(queryOf({ ...filter, limit: 2 }));
          const rest = await listed(store, { ...filter, limit: 2, before: first.at(-1) ?? null });
          expect([...first.map((job) => job.id), ...rest]).toEqual(expected);
        }
      }),
    );
  });

  describe('unfinished jobs', () => {
    it(
      'are counted by the account that they are done for',
      onStore(open, async ({ store }) => {
        const of = (userId: string) => newJob({ spec: newSpec({ userId }) });
        const ended = of('two');
        await given(store, of('one'), of('one'), of('two'), ended);
        await given(
          store,
          newJob({ organization: OTHER_ORGANIZATION.id, apiKey: OTHER_API_KEY.id }),
        );
        await commitOne(store, endingAdvance(ended.id, 1));
        const rows = await store.jobs.liveByAccount();
        const own = { organization: ORGANIZATION.id, apiKey: API_KEY.id };
        const others = { organization: OTHER_ORGANIZATION.id, apiKey: OTHER_API_KEY.id };
        expect(new Set(rows)).toEqual(
          new Set([
            { ...own, userId: 'one', jobs: 2 },
            { ...own, userId: 'two', jobs: 1 },
            { ...others, userId: '', jobs: 1 },
          ]),
        );
      }),
    );
  });

  describe('an organization', () => {
    it(
      'sees none of the jobs of another one',
      onStore(open, async ({ store }) => {
        const foreign = { organization: OTHER_ORGANIZATION.id, apiKey: OTHER_API_KEY.id };
        const spec = newSpec({ tags: ['red'] });
        const ours = newJob({ spec, idempotency: newClaim('k') });
        const theirs = newJob({ ...foreign, spec, idempotency: newClaim('k') });
        await given(store, ours, theirs);
        expect(await store.jobs.get(ORGANIZATION.id, theirs.id)).toBeNull();
        expect(await store.jobs.get(OTHER_ORGANIZATION.id, theirs.id)).not.toBeNull();
        for (const filter of [{}, { tag: 'red' }, { idempotentKey: 'k' }]) {
          expect(await listed(store, filter)).toEqual([ours.id]);
        }
        expect(await listed(store, { organization: nextId() })).toEqual([]);
      }),
    );
  });

  describe('what is not there', () => {
    it(
      'reads as nothing, also when its name is no identifier',
      onStore(open, async ({ store }) => {
        for (const id of [nextId(), 'no identifier', '']) {
          expect(await store.jobs.get(ORGANIZATION.id, id)).toBeNull();
          expect(await store.jobs.get(id, nextId())).toBeNull();
          expect(await store.jobs.live([id])).toEqual([]);
          expect(await store.jobs.attempts(id)).toEqual([]);
          expect(await store.jobs.responses(id, [1])).toEqual([]);
          expect(await store.jobs.deliveries(id)).toEqual([]);
          expect(await store.jobs.children(id)).toEqual([]);
          expect(await store.tenancy.webhookSecrets(id)).toBeNull();
          expect(await store.tenancy.apiKeyByHash(id)).toBeNull();
        }
        expect(await store.jobs.counts()).toEqual({
          pending: 0,
          scheduled: 0,
          processing: 0,
          completed: 0,
          failed: 0,
          deadletter: 0,
          cancelled: 0,
        });
      }),
    );
  });
}
