import type { StoredResponse } from '@ezthrottle/engine';
import { describe, expect, it } from 'vitest';
import {
  API_KEY,
  ORGANIZATION,
  ORIGIN,
  OTHER_API_KEY,
  OTHER_ORGANIZATION,
  T0,
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
  newSpec,
  newWork,
  nextId,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore, submitOf } from './harness.ts';

export function submitPromises(open: OpenStore): void {
  describe('a submit', () => {
    it(
      'gives the job back as it came, live and shown',
      onStore(open, async ({ store }) => {
        const parent = { id: nextId(), edge: 'on_success' };
        const job = newJob({
          spec: newSpec({
            metadata: { text: 'a\u0000b 😀', list: [1, null] },
            tags: ['blue', 'red'],
            userId: 'user 1',
          }),
          run: newRun({ state: 'scheduled' }),
          work: [newWork({ state: 'delayed', readyAt: T0 + 50 })],
          wakeAt: T0 + 60,
          idempotency: newClaim('my key'),
          parent,
        });
        expect(await commitOne(store, submitOf(job))).toEqual({ verdict: 'ok' });
        expect(await store.jobs.live([job.id])).toEqual([
          {
            id: job.id,
            organization: ORGANIZATION.id,
            apiKey: API_KEY.id,
            spec: job.spec,
            run: job.run,
            version: 1,
            wakeAt: T0 + 60,
            idempotentKey: 'my key',
            parent,
            createdAt: T0,
          },
        ]);
        expect(await store.jobs.get(ORGANIZATION.id, job.id)).toEqual({
          id: job.id,
          organization: ORGANIZATION.id,
          idempotentKey: 'my key',
          spec: job.spec,
          state: 'scheduled',
          createdAt: T0,
          startedAt: null,
          end: null,
          parent,
          quorumReachedAt: null,
          keyWindowMs: job.idempotency.windowMs,
        });
        expect(await store.jobs.children(parent.id)).toEqual([{ id: job.id, edge: 'on_success' }]);
      }),
    );

    it(
      'may arm its first attempt at once',
      onStore(open, async ({ store }) => {
        const job = newJob({
          run: newRun({ state: 'processing', attempts: 1 }),
          work: [newWork({ state: 'armed' })],
          armed: [newArmed()],
        });
        await given(store, job);
        expect(await store.jobs.attempts(job.id)).toEqual([
          {
            attempt: 1,
            leg: 0,
            path: 0,
            region: 'local',
            url: `${ORIGIN}/call`,
            outcome: null,
            statusCode: null,
            error: null,
            armedAt: T0 + 10,
            startedAt: null,
            endedAt: null,
          },
        ]);
        expect(await store.work.armed(null, 10)).toEqual([{ jobId: job.id, leg: 0 }]);
        expect(await store.work.lines()).toEqual([]);
      }),
    );

    it(
      'under a taken key names the first job and takes nothing',
      onStore(open, async ({ store }) => {
        const first = newJob({ idempotency: newClaim('k') });
        const repeat = newJob({ idempotency: newClaim('k'), createdAt: T0 + 5 });
        await given(store, first);
        expect(await commitOne(store, submitOf(repeat))).toEqual({
          verdict: 'duplicate',
          jobId: first.id,
          state: 'pending',
          createdAt: T0,
          mismatch: false,
          expiresAt: null,
          windowMs: first.idempotency.windowMs,
          attempts: 0,
          racing: false,
        });
        expect(await store.jobs.get(ORGANIZATION.id, repeat.id)).toBeNull();
        expect((await store.work.lines()).map((line) => line.ready)).toEqual([1]);
      }),
    );

    it(
      'repeated as it was is a duplicate of itself',
      onStore(open, async ({ store }) => {
        const job = newJob();
        await given(store, job);
        expect(await commitOne(store, submitOf(job))).toMatchObject({
          verdict: 'duplicate',
          jobId: job.id,
        });
      }),
    );

    it(
      'under a taken key with another fingerprint says that they differ',
      onStore(open, async ({ store }) => {
        const first = newJob({ idempotency: newClaim('k') });
        const other = newJob({ idempotency: newClaim('k', { fingerprint: 'two' }) });
        await given(store, first);
        expect(await commitOne(store, submitOf(other))).toMatchObject({
          verdict: 'duplicate',
          jobId: first.id,
          mismatch: true,
        });
      }),
    );

    it(
      'whose key another one of the same batch takes is its duplicate',
      onStore(open, async ({ store }) => {
        const first = newJob({ idempotency: newClaim('k') });
        const second = newJob({ idempotency: newClaim('k') });
        const verdicts = await store.commit([submitOf(first), submitOf(second)]);
        expect(verdicts).toMatchObject([
          { verdict: 'ok' },
          { verdict: 'duplicate', jobId: first.id },
        ]);
      }),
    );

    it(
      'does not meet keys of another scope or another organization',
      onStore(open, async ({ store }) => {
        const verdicts = await store.commit([
          submitOf(newJob({ idempotency: newClaim('k') })),
          submitOf(newJob({ idempotency: newClaim('k', { scope: 'other' }) })),
          submitOf(
            newJob({
              idempotency: newClaim('k'),
              organization: OTHER_ORGANIZATION.id,
              apiKey: OTHER_API_KEY.id,
            }),
          ),
        ]);
        expect(verdicts).toEqual([{ verdict: 'ok' }, { verdict: 'ok' }, { verdict: 'ok' }]);
      }),
    );

    it(
      'tells a duplicate that the first job races',
      onStore(open, async ({ store }) => {
        const racing = newPath({ executionMode: 'race', regions: ['a', 'b'] });
        const alone = newPath({ executionMode: 'race', regions: ['a'] });
        const many = newJob({ spec: newSpec({ paths: [racing] }), idempotency: newClaim('k1') });
        const one = newJob({ spec: newSpec({ paths: [alone] }), idempotency: newClaim('k2') });
        await given(store, many, one);
        const verdicts = await store.commit([
          submitOf(newJob({ idempotency: newClaim('k1') })),
          submitOf(newJob({ idempotency: newClaim('k2') })),
        ]);
        expect(verdicts).toMatchObject([{ racing: true }, { racing: false }]);
      }),
    );

    it(
      'finds the key of a live job taken however old it is, and free a window after its end',
      onStore(open, async ({ store }) => {
        const first = newJob({ idempotency: newClaim('k', { windowMs: 500 }) });
        const muchLater = T0 + 1_000_000_000;
        await given(store, first);
        const repeatAt = (createdAt: number) =>
          commitOne(store, submitOf(newJob({ idempotency: newClaim('k'), createdAt })));
        expect(await repeatAt(muchLater)).toMatchObject({ verdict: 'duplicate', expiresAt: null });

        const end = newEnd({ at: T0 + 100, state: 'failed', error: 'no' });
        await commitOne(store, endingAdvance(first.id, 1, end));
        expect(await repeatAt(T0 + 599)).toMatchObject({
          verdict: 'duplicate',
          jobId: first.id,
          state: 'failed',
          expiresAt: T0 + 600,
        });
        expect(await repeatAt(T0 + 600)).toEqual({ verdict: 'ok' });
        expect(await repeatAt(T0 + 601)).toMatchObject({ verdict: 'duplicate', expiresAt: null });
        expect(await store.jobs.get(ORGANIZATION.id, first.id)).not.toBeNull();
      }),
    );

    it(
      'gives a key whose window is over to the first of a batch, also before one that came with an earlier clock',
      onStore(open, async ({ store }) => {
        const first = newJob({ idempotency: newClaim('k', { windowMs: 500 }) });
        await given(store, first);
        await commitOne(store, endingAdvance(first.id, 1, newEnd({ at: T0 })));
        const [taker, late] = [T0 + 500, T0 + 499].map((createdAt) =>
          newJob({ idempotency: newClaim('k'), createdAt }),
        );
        if (taker === undefined || late === undefined) throw new Error('two jobs');
        expect(await store.commit([submitOf(taker), submitOf(late)])).toMatchObject([
          { verdict: 'ok' },
          { verdict: 'duplicate', jobId: taker.id, state: 'pending' },
        ]);
      }),
    );

    it(
      'of an organization or key that is not known is refused',
      onStore(open, async ({ store }) => {
        const verdicts = await store.commit([
          submitOf(newJob({ organization: nextId() })),
          submitOf(newJob({ apiKey: nextId() })),
          submitOf(newJob({ apiKey: OTHER_API_KEY.id })),
        ]);
        expect(verdicts.map((verdict) => verdict.verdict)).toEqual(Array(3).fill('rejected'));
      }),
    );
  });

  describe('a batch', () => {
    it(
      'is applied in order, each operation seeing those before it',
      onStore(open, async ({ store }) => {
        const job = newJob();
        const verdicts = await store.commit([
          newAdvance(job.id, 1),
          submitOf(job),
          newAdvance(job.id, 1),
          newAdvance(job.id, 1),
          endingAdvance(job.id, 2),
          newAdvance(job.id, 3),
        ]);
        expect(verdicts.map((verdict) => verdict.verdict)).toEqual([
          'gone',
          'ok',
          'ok',
          'stale',
          'ok',
          'gone',
        ]);
      }),
    );

    it(
      'loses only the operation that cannot be written, and nothing of it stays',
      onStore(open, async ({ store }) => {
        const taken = newJob();
        const before = newJob();
        const after = newJob();
        const sameId = newJob({ id: taken.id, idempotency: newClaim('fresh') });
        await given(store, taken);
        const verdicts = await store.commit([
          submitOf(before),
          submitOf(sameId),
          submitOf(newJob({ work: [newWork({ rank: Number.NaN })] })),
          submitOf(after),
        ]);
        expect(verdicts.map((verdict) => verdict.verdict)).toEqual([
          'ok',
          'rejected',
          'rejected',
          'ok',
        ]);
        expect((await store.jobs.live([before.id, after.id])).length).toBe(2);
        expect((await store.jobs.counts()).pending).toBe(3);
        const fresh = newJob({ idempotency: newClaim('fresh') });
        expect(await commitOne(store, submitOf(fresh))).toEqual({ verdict: 'ok' });
      }),
    );

    it(
      'does not build upon what a refused operation had begun',
      onStore(open, async ({ store }) => {
        const origin = 'https://new.test';
        const spec = newSpec({ userId: 'new user' });
        const work = [newWork({ origin })];
        const twice = [newArmed(), newArmed()];
        const live = newJob();
        await given(store, live);
        const verdicts = await store.commit([
          submitOf(newJob({ spec, work, armed: twice })),
          submitOf(newJob({ spec, work })),
          endingAdvance(live.id, 1, newEnd(), { deliveries: [newDelivery({ id: 'none' })] }),
        ]);
        expect(verdicts.map((verdict) => verdict.verdict)).toEqual(['rejected', 'ok', 'rejected']);
        expect(await store.jobs.counts()).toMatchObject({ pending: 2, completed: 0 });
        expect(await store.jobs.live([live.id])).toMatchObject([{ version: 1 }]);
        expect(await store.work.lines()).toContainEqual({
          organization: ORGANIZATION.id,
          origin,
          apiKey: API_KEY.id,
          userId: 'new user',
          ready: 1,
        });
      }),
    );

    it(
      'may hold many of the largest bodies, of requests and of responses',
      onStore(open, async ({ store }) => {
        const data = 'x'.repeat(1024 * 1024);
        const spec = newSpec({ paths: [newPath({ body: { encoding: 'utf8', data } })] });
        const jobs = Array.from({ length: 20 }, () => newJob({ spec, armed: [newArmed()] }));
        await given(store, ...jobs);
        const live = await store.jobs.live(jobs.map(({ id }) => id));
        expect(live.map((job) => job.spec.paths[0].body?.data.length)).toEqual(
          jobs.map(() => data.length),
        );
        const response: StoredResponse = {
          status: 200,
          headers: {},
          body: data,
          bodyEncoding: 'utf8',
          truncated: false,
        };
        const verdicts = await store.commit(
          jobs.map(({ id }) => endingAdvance(id, 1, newEnd(), { ended: [newEnded({ response })] })),
        );
        expect(verdicts).toEqual(jobs.map(() => ({ verdict: 'ok' })));
        for (const { id } of jobs) {
          const [stored] = await store.jobs.responses(id, [1]);
          expect(stored?.response.body.length).toBe(data.length);
        }
      }),
    );

    it(
      'may be empty',
      onStore(open, async ({ store }) => {
        expect(await store.commit([])).toEqual([]);
      }),
    );
  });
}
