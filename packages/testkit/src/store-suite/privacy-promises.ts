import { describe, expect, it } from 'vitest';
import type { Erasure, Id, Operation, StoredResponse, Store } from '@ezthrottle/engine';
import {
  API_KEY,
  ORGANIZATION,
  OTHER_API_KEY,
  OTHER_ORGANIZATION,
  T0,
  endingAdvance,
  newArmed,
  newDelivery,
  newEnd,
  newEnded,
  newJob,
  newSettle,
  newSpec,
} from './builders.ts';
import { commitOne, given, onStore, type OpenStore } from './harness.ts';

const organization = ORGANIZATION.id;
const NO_RULES = { headers: [], paths: [] } as const;
const RESPONSE: StoredResponse = {
  status: 200,
  headers: { 'x-token': 'kept-for-a-while' },
  body: '{"card":"4242"}',
  bodyEncoding: 'utf8',
  truncated: false,
};

/** A job with a secret header and a body, and what it was answered. */
async function answered(store: Store, at: number, userId = ''): Promise<Id> {
  const [path] = newSpec().paths;
  const call = {
    ...path,
    headers: { Authorization: 'kept-for-a-while' },
    body: { encoding: 'utf8', data: '{"card":"4242","total":1}' },
  } as const;
  const child = newSpec({ paths: [call] });
  const spec = newSpec({ paths: [{ ...call, onSuccess: child }], userId });
  const job = newJob({ armed: [newArmed()], spec });
  await given(store, job);
  const ended = [newEnded({ response: RESPONSE })];
  await commitOne(store, endingAdvance(job.id, 1, newEnd({ at, attempt: 1 }), { ended }));
  return job.id;
}

function eraseOf(
  jobIds: readonly Id[],
  erasure: Erasure,
): Extract<Operation, { type: 'erase_jobs' }> {
  return { type: 'erase_jobs', organization, jobIds, erasure };
}

export function privacyPromises(open: OpenStore): void {
  describe('what is not kept', () => {
    it(
      'goes out of ended jobs part by part, of the jobs nested in them too',
      onStore(open, async ({ store, reopen }) => {
        const id = await answered(store, T0 + 1);
        const rules = { headers: ['authorization'], paths: ['$.card'] };
        const request = eraseOf([id], { part: 'request', rules });
        expect(await commitOne(store, request)).toEqual({ verdict: 'ok', count: 1, left: [] });
        const redacted = await store.jobs.get(organization, id);
        const path = {
          headers: { Authorization: '[redacted]' },
          body: { encoding: 'utf8', data: '{"card":"[redacted]","total":1}' },
        };
        expect(redacted?.spec.paths[0]).toMatchObject(path);
        expect(redacted?.spec.paths[0].onSuccess?.paths[0]).toMatchObject(path);
        expect(await store.jobs.responses(id, [1])).toMatchObject([{ response: RESPONSE }]);

        await commitOne(store, eraseOf([id], { part: 'bodies', rules: NO_RULES }));
        await commitOne(store, eraseOf([id], { part: 'headers', rules: NO_RULES }));
        const later = await reopen();
        const erased = await later.jobs.get(organization, id);
        expect(erased?.spec).toMatchObject({
          erased: ['request', 'bodies', 'headers'],
          paths: [{ headers: {}, body: null, onSuccess: { paths: [{ headers: {}, body: null }] } }],
        });
        expect(await later.jobs.responses(id, [1])).toMatchObject([
          { response: { status: 200, headers: {}, body: '', truncated: true } },
        ]);
        await commitOne(later, eraseOf([id], { part: 'attempts', rules: NO_RULES }));
        expect(await later.jobs.attempts(id)).toEqual([]);
      }),
    );

    it(
      'is left with live jobs, with pending deliveries, and in other organizations',
      onStore(open, async ({ store }) => {
        const live = newJob();
        const delivering = newJob();
        const delivery = newDelivery();
        await given(store, live, delivering);
        const end = endingAdvance(delivering.id, 1, newEnd(), { deliveries: [delivery] });
        await commitOne(store, end);
        const jobIds = [live.id, delivering.id];
        const erasure = { part: 'bodies', rules: NO_RULES } as const;
        expect(await commitOne(store, eraseOf(jobIds, erasure))).toMatchObject({
          count: 0,
          left: [delivering.id],
        });
        await commitOne(store, newSettle(delivery.id));
        const foreign = { ...eraseOf(jobIds, erasure), organization: OTHER_ORGANIZATION.id };
        expect(await commitOne(store, foreign)).toMatchObject({ count: 0 });
        expect(await commitOne(store, eraseOf(jobIds, erasure))).toMatchObject({ count: 1 });
      }),
    );

    it(
      'is found along the jobs that ended, a stretch at a time',
      onStore(open, async ({ store }) => {
        const [second, first] = [await answered(store, T0 + 2), await answered(store, T0 + 1)];
        const foreign = newJob({ organization: OTHER_ORGANIZATION.id, apiKey: OTHER_API_KEY.id });
        await given(store, foreign);
        await commitOne(store, endingAdvance(foreign.id, 1, newEnd({ at: T0 + 3 })));
        await answered(store, T0 + 9);
        const query = { organization, after: null, endedBefore: T0 + 9, limit: 2 };
        const one = await store.privacy.ended(query);
        expect(one).toMatchObject({ jobIds: [first, second], isMore: true });
        const two = await store.privacy.ended({ ...query, after: one.last });
        expect(two).toMatchObject({ jobIds: [], isMore: false, last: { at: T0 + 3 } });
        const three = await store.privacy.ended({ ...query, after: two.last });
        expect(three).toEqual({ jobIds: [], last: null, isMore: false });
      }),
    );
  });

  describe('the jobs of one account', () => {
    it(
      'are found whoever submitted them, and removed with what hangs on them',
      onStore(open, async ({ store }) => {
        const ada = await answered(store, T0 + 1, 'ada');
        const bob = await answered(store, T0 + 1, 'bob');
        const live = newJob({ spec: newSpec({ userId: 'ada' }) });
        await given(store, live);
        const found = await store.privacy.ofAccount({
          organization,
          userId: 'ada',
          after: null,
          limit: 100,
        });
        expect(found).toEqual({
          jobs: [
            { id: ada, isLive: false, createdAt: expect.any(Number) },
            { id: live.id, isLive: true, createdAt: expect.any(Number) },
          ],
          next: null,
        });
        const remove = {
          type: 'remove_jobs',
          organization,
          jobIds: [ada, bob, live.id],
          unlessNeededAt: null,
        } as const;
        const needed = { ...remove, unlessNeededAt: T0 + 2 };
        expect(await commitOne(store, needed)).toMatchObject({ count: 0, left: [ada, bob] });
        const foreign = { ...remove, organization: OTHER_ORGANIZATION.id };
        expect(await commitOne(store, foreign)).toMatchObject({ count: 0 });
        expect(await commitOne(store, { ...remove, jobIds: [ada, live.id] })).toMatchObject({
          count: 1,
        });
        expect(await store.jobs.get(organization, ada)).toBeNull();
        expect(await store.jobs.responses(ada, [1])).toEqual([]);
        expect(await store.jobs.get(organization, bob)).not.toBeNull();
        expect(await store.jobs.counts()).toMatchObject({ completed: 1, pending: 1 });
        await commitOne(store, { type: 'forget_account', organization, userId: 'ada' });
        const again = newJob({ spec: newSpec({ userId: 'ada' }), apiKey: API_KEY.id });
        await given(store, again);
      }),
    );
  });

  describe('documents of an organization', () => {
    it(
      'are put, replaced and taken away',
      onStore(open, async ({ store, reopen }) => {
        const put = (name: string, data: string | null, owner = organization) =>
          commitOne(store, { type: 'put_document', organization: owner, kind: 'k', name, data });
        await put('a', '1');
        await put('a', '{"b":2}');
        await put('gone', '1');
        await put('gone', null);
        await put('a', '3', OTHER_ORGANIZATION.id);
        const found = await (await reopen()).privacy.documents();
        expect(found).toHaveLength(2);
        expect(found).toEqual(
          expect.arrayContaining([
            { organization, kind: 'k', name: 'a', data: '{"b":2}' },
            { organization: OTHER_ORGANIZATION.id, kind: 'k', name: 'a', data: '3' },
          ]),
        );
      }),
    );
  });
}
