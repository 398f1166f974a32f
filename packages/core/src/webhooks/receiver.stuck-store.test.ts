import { describe, expect, it, vi } from 'vitest';
import type { DedupeClaim, DedupeStore } from './dedupe-store.ts';
import type { DeliveryHandler } from './delivery-handler.ts';
import { MemoryDedupeStore } from './memory-dedupe-store.ts';
import { delivery, duplicate, makeGate, open, received, settle } from './receiver.testbench.ts';

const never = (): Promise<never> => new Promise(() => undefined);

/** What a store without types may say. */
function anyOf(word: unknown): ReturnType<typeof JSON.parse> {
  return word;
}

/** A store in memory, whose calls wait as long as the test wants. */
function storeWith(change: (store: MemoryDedupeStore) => Partial<DedupeStore>): DedupeStore {
  const store = new MemoryDedupeStore();
  return {
    begin: (id, lease) => store.begin(id, lease),
    commit: (id, token, ttlMs) => store.commit(id, token, ttlMs),
    release: (id, token) => store.release(id, token),
    ...change(store),
  };
}

describe('a store that does not answer', () => {
  it('has the delivery come again after 5 seconds, and nothing is handled', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { send, clock, errors } = open({
      dedupe: storeWith(() => ({ begin: never })),
      on: { any },
    });
    const answer = send(delivery('1'));
    await settle();
    clock.pass(4_999);
    await settle();
    expect(errors).toEqual([]);
    clock.pass(1);
    expect(await answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(errors).toMatchObject([{ code: 'dedupe_store_timeout' }]);
    expect(any).not.toHaveBeenCalled();
    expect(clock.waiting).toBe(0);
  });

  it('is waited for as long as storeTimeoutMs says, and never longer than handlers are', async () => {
    for (const [options, ms] of [
      [{ storeTimeoutMs: 300 }, 300],
      [{ handlerTimeoutMs: 1_000 }, 1_000],
    ] as const) {
      const { send, clock } = open({ dedupe: storeWith(() => ({ begin: never })), ...options });
      const answer = send(delivery('1'));
      await settle();
      clock.pass(ms);
      expect((await answer).status).toBe(503);
    }
  });

  it('does not keep the receiver from closing', async () => {
    const { receiver, send, clock } = open({ dedupe: storeWith(() => ({ begin: never })) });
    const answer = send(delivery('1'));
    await settle();
    const closed = receiver.close();
    clock.pass(5_000);
    await closed;
    expect((await answer).status).toBe(503);
  });

  it('that claims too late has its claim given back, so that the delivery is handled when it comes again', async () => {
    const gate = makeGate();
    const any = vi.fn<DeliveryHandler>();
    let isAway = true;
    const dedupe = storeWith((store) => ({
      begin: async (id, lease) => {
        const claim = await store.begin(id, lease);
        if (isAway) await gate.passed;
        return claim;
      },
    }));
    const { send, clock } = open({ dedupe, on: { any } });
    const rests: Promise<unknown>[] = [];
    const first = send(delivery('1'), { waitUntil: (rest) => rests.push(rest) });
    await settle();
    clock.pass(5_000);
    expect((await first).status).toBe(503);
    isAway = false;
    expect((await send(delivery('1'))).status).toBe(409);
    gate.open();
    await Promise.all(rests);
    expect(rests).toHaveLength(1);
    expect(await send(delivery('1'))).toMatchObject(received);
    expect(any).toHaveBeenCalledTimes(1);
  });

  it('that can take a late claim back no more is told of', async () => {
    const gate = makeGate();
    const dedupe = storeWith(() => ({
      begin: async () => {
        await gate.passed;
        return 'acquired';
      },
      release: () => Promise.reject(new Error('away again')),
    }));
    const { send, clock, errors } = open({ dedupe });
    const first = send(delivery('1'));
    await settle();
    clock.pass(5_000);
    await first;
    gate.open();
    await settle();
    expect(errors).toMatchObject([{ code: 'dedupe_store_timeout' }, { message: 'away again' }]);
  });

  it('when handlers have ended has the delivery come again, and it is a duplicate if it was committed', async () => {
    const dedupe = storeWith((store) => ({
      commit: async (id, token, ttlMs) => {
        await store.commit(id, token, ttlMs);
        return never();
      },
    }));
    const { send, clock, errors } = open({ dedupe });
    const first = send(delivery('1'));
    await settle();
    clock.pass(5_000);
    expect((await first).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'dedupe_store_timeout' }]);
    expect(await send(delivery('1'))).toMatchObject(duplicate);
  });
});

describe('a store that answers what no store may', () => {
  it.each([undefined, null, true, 'in-flight', 'OK', 1])(
    'runs nothing and has the delivery come again: %s',
    async (word) => {
      const any = vi.fn<DeliveryHandler>();
      const begin = async (): Promise<DedupeClaim> => anyOf(word);
      const { send, errors } = open({ dedupe: storeWith(() => ({ begin })), on: { any } });
      const answer = await send(delivery('1'));
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
      expect(errors).toMatchObject([{ code: 'dedupe_store_answer' }]);
      expect(any).not.toHaveBeenCalled();
    },
  );

  it.each([undefined, 'OK', 0])(
    'is not taken at its word that it has committed: %s',
    async (word) => {
      const commit = async (): Promise<boolean> => anyOf(word);
      const { send, errors } = open({ dedupe: storeWith(() => ({ commit })) });
      expect((await send(delivery('1'))).status).toBe(500);
      expect(errors).toMatchObject([{ code: 'dedupe_store_answer' }]);
    },
  );

  it('or throws at once, has the delivery come again', async () => {
    const begin = (): never => {
      throw new Error('no connection');
    };
    const { send, errors } = open({ dedupe: storeWith(() => ({ begin })) });
    expect((await send(delivery('1'))).status).toBe(503);
    expect(errors).toMatchObject([{ message: 'no connection' }]);
  });
});

describe('the time for a delivery', () => {
  it('runs from before its claim, so that it is over before a lease that began meanwhile', async () => {
    const gate = makeGate();
    const left: number[] = [];
    const dedupe = storeWith((store) => ({
      begin: async (id, lease) => {
        const claim = await store.begin(id, lease);
        await gate.passed;
        return claim;
      },
    }));
    const { send, clock, errors } = open({
      dedupe,
      on: {
        any: (_delivery, { remainingMs }) => {
          left.push(remainingMs());
          return never();
        },
      },
    });
    const answer = send(delivery('1'));
    await settle();
    clock.pass(4_000);
    gate.open();
    await settle();
    clock.pass(21_000);
    expect((await answer).status).toBe(503);
    expect(left).toEqual([21_000]);
    expect(errors).toMatchObject([{ code: 'handler_timeout' }]);
  });

  it('has an end for secrets that never come', async () => {
    const { receiver, send, clock, errors } = open({ secrets: never });
    const answer = send(delivery('1'));
    await settle();
    const closed = receiver.close();
    clock.pass(5_000);
    expect((await answer).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'secrets_timeout' }]);
    await closed;
    expect(clock.waiting).toBe(0);
  });

  it('has an end for a body that never comes', async () => {
    const { receiver, send, clock } = open();
    const answer = send(delivery('1'), { body: never });
    await settle();
    const closed = receiver.close();
    clock.pass(25_000);
    expect(await answer).toMatchObject({ status: 400 });
    await closed;
  });

  it('may go on behind the answer where the host is told', async () => {
    const gate = makeGate();
    let runs = 0;
    const { send, clock } = open({
      on: {
        any: () => {
          runs += 1;
          return runs === 1 ? gate.passed : undefined;
        },
      },
    });
    const rests: Promise<unknown>[] = [];
    const first = send(delivery('1'), { waitUntil: (rest) => rests.push(rest) });
    await settle();
    clock.pass(25_000);
    expect((await first).status).toBe(503);
    gate.open();
    await Promise.all(rests);
    expect(rests).toHaveLength(1);
    expect(await send(delivery('1'))).toMatchObject(received);
  });
});
