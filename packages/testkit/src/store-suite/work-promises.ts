import { describe, expect, it } from 'vitest';
import type { NewJob } from '@ezthrottle/engine';
import {
  API_KEY,
  ORGANIZATION,
  ORIGIN,
  OTHER_API_KEY,
  OTHER_ORGANIZATION,
  T0,
  newAdvance,
  newArmed,
  newJob,
  newSpec,
  newWork,
  nextId,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore } from './harness.ts';

const LINE = {
  organization: ORGANIZATION.id,
  origin: ORIGIN,
  apiKey: API_KEY.id,
  userId: '',
};

function ranked(rank: number, overrides: Partial<NewJob> = {}): NewJob {
  return newJob({ work: [newWork({ rank })], ...overrides });
}

export function workPromises(open: OpenStore): void {
  describe('ready work', () => {
    it(
      'stands in one line per account and origin, of each organization apart',
      onStore(open, async ({ store }) => {
        const foreign = { organization: OTHER_ORGANIZATION.id, apiKey: OTHER_API_KEY.id };
        const ann = newSpec({ userId: 'ann' });
        await given(
          store,
          newJob(),
          newJob(),
          newJob({ spec: ann, work: [newWork(), newWork({ leg: 1, origin: 'https://b.test' })] }),
          newJob(foreign),
          newJob({ work: [newWork({ state: 'delayed' })] }),
        );
        const lines = [...(await store.work.lines())];
        expect(lines.length).toBe(4);
        expect(lines).toEqual(
          expect.arrayContaining([
            { ...LINE, ready: 2 },
            { ...LINE, userId: 'ann', ready: 1 },
            { ...LINE, userId: 'ann', origin: 'https://b.test', ready: 1 },
            { ...LINE, ...foreign, ready: 1 },
          ]),
        );
      }),
    );

    it(
      'comes by rank, then by arrival, and pages on without gaps or repeats',
      onStore(open, async ({ store }) => {
        const first = ranked(5);
        const second = ranked(5);
        const urgent = ranked(-20);
        const late = ranked(9, { work: [newWork({ rank: 9 }), newWork({ rank: 9, leg: 1 })] });
        await given(store, first, second, urgent, late);
        const expected = [
          [urgent.id, 0],
          [first.id, 0],
          [second.id, 0],
          [late.id, 0],
          [late.id, 1],
        ];
        for (const limit of [1, 2, 10]) {
          const seen: unknown[] = [];
          let page = await store.work.ready(LINE, null, limit);
          for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
            expect(page.length).toBeLessThanOrEqual(limit);
            seen.push(...page.map((row) => [row.jobId, row.leg]));
            page = await store.work.ready(LINE, last, limit);
          }
          expect(seen).toEqual(expected);
        }
        expect(await store.work.ready(LINE, null, 1)).toEqual([
          { ...LINE, jobId: urgent.id, leg: 0, rank: -20, readyAt: T0 },
        ]);
      }),
    );

    it(
      'pages on from a row that has left the line meanwhile',
      onStore(open, async ({ store }) => {
        const jobs = [ranked(1), ranked(2), ranked(3)];
        await given(store, ...jobs);
        const [first] = await store.work.ready(LINE, null, 1);
        if (first === undefined) throw new Error('nothing is ready');
        await commitOne(store, newAdvance(first.jobId, 1, { removeWork: [0] }));
        const rest = await store.work.ready(LINE, first, 10);
        expect(rest.map((row) => row.rank)).toEqual([2, 3]);
      }),
    );

    it(
      'of a line that nobody has is empty',
      onStore(open, async ({ store }) => {
        await given(store, newJob());
        for (const stranger of [
          { ...LINE, origin: 'https://nowhere.test' },
          { ...LINE, userId: 'nobody' },
          { ...LINE, apiKey: OTHER_API_KEY.id },
          { ...LINE, organization: OTHER_ORGANIZATION.id },
          { ...LINE, organization: nextId() },
        ]) {
          expect(await store.work.ready(stranger, null, 10)).toEqual([]);
        }
      }),
    );
  });

  describe('delayed work', () => {
    it(
      'is found when it is due, the longest overdue first, and stands in line once staged',
      onStore(open, async ({ store }) => {
        const delayed = (readyAt: number) =>
          newJob({ work: [newWork({ state: 'delayed', readyAt, rank: readyAt })] });
        const [soon, sooner, later] = [delayed(T0 + 20), delayed(T0 + 10), delayed(T0 + 30)];
        await given(store, soon, sooner, later);
        expect(await store.work.nextDueAt()).toBe(T0 + 10);
        expect(await store.work.due(T0 + 9, 10)).toEqual([]);
        expect(await store.work.due(T0 + 20, 10)).toEqual(
          [[sooner.id, T0 + 10] as const, [soon.id, T0 + 20] as const].map(([jobId, readyAt]) => ({
            ...LINE,
            jobId,
            leg: 0,
            rank: readyAt,
            readyAt,
          })),
        );
        expect(await store.work.due(T0 + 99, 1)).toMatchObject([{ jobId: sooner.id }]);

        const rows = [
          { jobId: sooner.id, leg: 0 },
          { jobId: soon.id, leg: 0 },
        ];
        const unknown = [
          { jobId: nextId(), leg: 0 },
          { jobId: soon.id, leg: 7 },
        ];
        const stage = { type: 'stage', rows: [...rows, ...unknown] } as const;
        expect(await commitOne(store, stage)).toEqual({ verdict: 'ok', count: 2 });
        expect(await commitOne(store, stage)).toEqual({ verdict: 'ok', count: 0 });
        expect(await store.work.nextDueAt()).toBe(T0 + 30);
        const ready = await store.work.ready(LINE, null, 10);
        expect(ready.map((row) => row.jobId)).toEqual([sooner.id, soon.id]);
      }),
    );

    it(
      'tells since when the job that came first is in line, and passes over those that are not',
      onStore(open, async ({ store }) => {
        expect(await store.work.oldestReadyAt()).toBeNull();
        const delayed = newJob({ work: [newWork({ state: 'delayed', readyAt: T0 + 10 })] });
        const [first, second] = [20, 5].map((after) =>
          newJob({ work: [newWork({ state: 'ready', readyAt: T0 + after })] }),
        );
        if (first === undefined || second === undefined) throw new Error('two jobs are wanted');
        await given(store, delayed, first, second);
        expect(await store.work.oldestReadyAt()).toBe(T0 + 20);
      }),
    );

    it(
      'has no next moment when there is none',
      onStore(open, async ({ store }) => {
        await given(store, newJob());
        expect(await store.work.nextDueAt()).toBeNull();
        expect(await store.work.nextWakeAt()).toBeNull();
        expect(await store.deliveries.nextDueAt()).toBeNull();
      }),
    );
  });

  describe('armed work', () => {
    it(
      'is listed job by job, and no leg falls between two pages',
      onStore(open, async ({ store }) => {
        const jobs = [1, 3, 2].map((legs) => {
          const numbers = Array.from({ length: legs }, (_, leg) => leg);
          return newJob({
            work: numbers.map((leg) => newWork({ leg, state: 'armed' })),
            armed: numbers.map((leg) => newArmed({ leg, attempt: leg + 1 })),
          });
        });
        await given(store, newJob(), ...jobs);
        const expected = jobs.flatMap((job) => job.work.map(({ leg }) => ({ jobId: job.id, leg })));
        for (const limit of [1, 2, 3, 10]) {
          const seen: { readonly jobId: string; readonly leg: number }[] = [];
          let page = await store.work.armed(null, limit);
          for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
            seen.push(...page);
            page = await store.work.armed(last.jobId, limit);
          }
          expect(seen).toEqual(expected);
        }
      }),
    );
  });

  describe('timers', () => {
    it(
      'name the jobs whose moment has come',
      onStore(open, async ({ store }) => {
        const jobs = [T0 + 20, T0 + 10, null, T0 + 30].map((wakeAt) => newJob({ wakeAt }));
        const [second, first, , third] = jobs.map((job) => job.id);
        await given(store, ...jobs);
        expect(await store.work.nextWakeAt()).toBe(T0 + 10);
        expect(await store.work.wakeable(T0 + 9, 10)).toEqual([]);
        expect(await store.work.wakeable(T0 + 20, 10)).toEqual([first, second]);
        expect(await store.work.wakeable(T0 + 30, 1)).toEqual([first]);
        await commitOne(store, newAdvance(first ?? '', 1, { wakeAt: null }));
        await commitOne(store, newAdvance(second ?? '', 1, { wakeAt: T0 + 40 }));
        expect(await store.work.wakeable(T0 + 40, 10)).toEqual([third, second]);
      }),
    );
  });

  describe('pace', () => {
    it(
      'keeps the last that a destination has taught',
      onStore(open, async ({ store, reopen }) => {
        const row = { organization: ORGANIZATION.id, origin: ORIGIN };
        const other = { organization: OTHER_ORGANIZATION.id, origin: ORIGIN, data: 'theirs' };
        const put = (data: string) =>
          commitOne(store, { type: 'put_pace', rows: [{ ...row, data }, other] });
        expect(await put('one')).toEqual({ verdict: 'ok' });
        expect(await put('two')).toEqual({ verdict: 'ok' });
        const { work } = await reopen();
        const rows = await work.pace(10);
        expect(rows.length).toBe(2);
        expect(rows).toEqual(expect.arrayContaining([{ ...row, data: 'two' }, other]));
        expect(await work.pace(1)).toHaveLength(1);
        expect(await work.paceOf(ORGANIZATION.id, ORIGIN)).toBe('two');
        expect(await work.paceOf(OTHER_ORGANIZATION.id, ORIGIN)).toBe('theirs');
        expect(await work.paceOf(ORGANIZATION.id, 'https://unknown.test')).toBeNull();
      }),
    );

    it(
      'forgets what is not to be kept, and nothing else',
      onStore(open, async ({ store, reopen }) => {
        const row = { organization: ORGANIZATION.id, origin: ORIGIN };
        const other = { ...row, origin: 'https://other.test' };
        const rows = [row, other].map((place) => ({ ...place, data: 'taught' }));
        await commitOne(store, { type: 'put_pace', rows });
        const unknown = { ...row, origin: 'https://unknown.test' };
        const forgotten = [row, unknown, { ...other, organization: OTHER_ORGANIZATION.id }];
        const forget = { type: 'put_pace', rows: [], forgotten } as const;
        expect(await commitOne(store, forget)).toEqual({ verdict: 'ok' });
        const later = await reopen();
        expect(await later.work.pace(10)).toEqual([{ ...other, data: 'taught' }]);
        await commitOne(later, { type: 'put_pace', rows: [{ ...row, data: 'anew' }] });
        expect(await later.work.paceOf(row.organization, row.origin)).toBe('anew');
      }),
    );
  });
}
