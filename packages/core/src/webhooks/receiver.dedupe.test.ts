import { describe, expect, it, vi } from 'vitest';
import type { DedupeStore } from './dedupe-store.ts';
import type { DeliveryHandler } from './delivery-handler.ts';
import { MemoryDedupeStore } from './memory-dedupe-store.ts';
import { open, delivery } from './receiver.testbench.ts';

describe('a dedupe store in trouble', () => {
  function storeWith(change: Partial<DedupeStore>): DedupeStore {
    const store = new MemoryDedupeStore();
    return {
      begin: (id, lease) => store.begin(id, lease),
      commit: (id, token, ttlMs) => store.commit(id, token, ttlMs),
      release: (id, token) => store.release(id, token),
      ...change,
    };
  }
  const away = (): Promise<never> => Promise.reject(new Error('redis://user:pass@host is away'));

  it('has deliveries sent again rather than handled unguarded', async () => {
    const any = vi.fn<DeliveryHandler>();
    const { send, errors } = open({ dedupe: storeWith({ begin: away }), on: { any } });
    const answer = await send(delivery('1'));
    expect(answer.status).toBe(503);
    expect(answer.body).not.toContain('redis');
    expect(any).not.toHaveBeenCalled();
    expect(errors).toHaveLength(1);
  });

  it('has a delivery sent again whose commit did not come through', async () => {
    const { send, errors } = open({ dedupe: storeWith({ commit: away }) });
    expect((await send(delivery('1'))).status).toBe(500);
    expect((await send(delivery('1'))).status).toBe(500);
    expect(errors).toHaveLength(2);
  });

  it('has a delivery sent again whose claim was lost to another', async () => {
    const { send, errors } = open({ dedupe: storeWith({ commit: async () => false }) });
    expect((await send(delivery('1'))).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'lease_lost' }]);
  });

  it('that cannot take a claim back is told of, beside the failure itself', async () => {
    const { send, errors } = open({
      dedupe: storeWith({ release: away }),
      on: { any: () => Promise.reject(new Error('handler')) },
    });
    expect((await send(delivery('1'))).status).toBe(500);
    expect(errors.map(String)).toEqual([
      expect.stringContaining('is away'),
      expect.stringContaining('handler'),
    ]);
    expect((await send(delivery('1'))).status).toBe(409);
  });
});
