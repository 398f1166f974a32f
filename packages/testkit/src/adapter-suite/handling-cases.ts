import { expect } from 'vitest';
import { DUPLICATE, expectAnswer, expectRefusal, RECEIVED } from './adapter-bench.ts';
import type { AdapterCaseTest } from './adapter-case.ts';
import { deliver, deliveryText } from './sending.ts';

/** Once, and only when it went well. */
export const HANDLING_CASES: readonly AdapterCaseTest[] = [
  {
    name: 'replay',
    promise: 'a replay is acknowledged as a duplicate and not handled again',
    run: async ({ start }) => {
      const app = await start();
      expectAnswer(await deliver(app.url, deliveryText('1')), 200, RECEIVED);
      expectAnswer(await deliver(app.url, deliveryText('1')), 200, DUPLICATE);
      expectAnswer(await deliver(app.url, deliveryText('1', { attempt: 2 })), 200, DUPLICATE);
      expect((await app.record()).handled).toHaveLength(1);
    },
  },
  {
    name: 'concurrent-duplicates',
    promise: 'a delivery that comes again while it is handled is put off',
    run: async ({ start }) => {
      const app = await start();
      const text = deliveryText('1', { metadata: { behaviour: 'wait' } });
      const first = deliver(app.url, text);
      await app.ask('arrival');
      const others = await Promise.all([1, 2, 3, 4].map(() => deliver(app.url, text)));
      for (const other of others) {
        expectRefusal(other, 409, 'conflict');
        expect(other.headers['retry-after']).toBe('5');
      }
      await app.ask('open');
      expectAnswer(await first, 200, RECEIVED);
      expectAnswer(await deliver(app.url, text), 200, DUPLICATE);
      expect((await app.record()).handled).toHaveLength(1);
    },
  },
  {
    name: 'handler-crash',
    promise: 'a handler that fails has the delivery sent again, and then runs again',
    run: async ({ start }) => {
      const app = await start();
      const text = deliveryText('1', { metadata: { behaviour: 'crash_once' } });
      const answer = await deliver(app.url, text);
      expectRefusal(answer, 500, 'internal_error');
      expect(answer.text).not.toContain('database');
      expectAnswer(await deliver(app.url, text), 200, RECEIVED);
      const { handled, errors } = await app.record();
      expect(handled).toHaveLength(2);
      expect(errors).toEqual([{ code: null, message: 'Error: the database is away' }]);
    },
  },
  {
    name: 'handler-timeout',
    promise: 'a handler that takes too long is answered for, and its delivery comes again',
    run: async ({ start }) => {
      const app = await start({ deadlineWhenAsked: true });
      const answer = deliver(app.url, deliveryText('1', { metadata: { behaviour: 'wait' } }));
      await app.ask('arrival');
      await app.ask('deadline');
      expectRefusal(await answer, 503, 'unavailable');
      expect((await answer).headers['retry-after']).toBe('5');
      expect((await app.record()).errors).toMatchObject([{ code: 'handler_timeout' }]);
      await app.ask('open');
    },
  },
  {
    name: 'store-away',
    promise: 'a store that never answers has the delivery come again, and nothing is handled',
    run: async ({ start }) => {
      const app = await start({ deadlineWhenAsked: true, isStoreAway: true });
      const answer = deliver(app.url, deliveryText('1'));
      await app.ask('arrival');
      await app.ask('deadline');
      expectRefusal(await answer, 503, 'unavailable');
      expect((await answer).headers['retry-after']).toBe('5');
      const { handled, errors } = await app.record();
      expect(handled).toEqual([]);
      expect(errors).toMatchObject([{ code: 'dedupe_store_timeout' }]);
    },
  },
  {
    name: 'context',
    promise: 'handlers see the request by which the delivery came',
    run: async ({ start }) => {
      const app = await start();
      await deliver(app.url, deliveryText('1'));
      expect((await app.record()).handled).toMatchObject([{ hasContext: true }]);
    },
  },
];
