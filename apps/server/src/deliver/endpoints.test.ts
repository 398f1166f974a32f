import { FakeClock } from '@ezthrottle/testkit';
import type { EndpointRecord, Id } from '@ezthrottle/engine';
import { describe, expect, it } from 'vitest';
import { createEndpoints, type Endpoints } from './endpoints.ts';

const ORGANIZATION: Id = '00000000-0000-7000-8000-000000000001';

function endpoints(stored: Map<string, EndpointRecord>, most: number): Endpoints {
  return createEndpoints({
    reads: {
      endpoints: async (_organization, _limit, id = null) =>
        [...stored.values()].filter(({ endpointId }) => id === null || endpointId === id),
      disabledEndpoints: async (limit) =>
        [...stored.values()].filter(({ disabled }) => disabled !== null).slice(0, limit),
    },
    commit: async (operation) => {
      const known = operation.type === 'put_endpoint' ? stored.get(operation.endpointId) : null;
      if (known === undefined || known === null || operation.type !== 'put_endpoint') {
        return { verdict: 'gone' };
      }
      stored.set(known.endpointId, { ...known, disabled: operation.disabled });
      return { verdict: 'ok' };
    },
    clock: new FakeClock(),
    most,
  });
}

function gone(endpointId: string): EndpointRecord {
  const url = `https://${endpointId}.test/`;
  return { organization: ORGANIZATION, endpointId, url, disabled: { by: 'gone', at: 1 } };
}

function storeOf(...names: readonly string[]): Map<string, EndpointRecord> {
  return new Map(names.map((name) => [name, gone(name)]));
}

describe('endpoints that are disabled', () => {
  it('are all known in memory where they are few', async () => {
    const known = endpoints(storeOf('a', 'b'), 2);
    await known.load();
    expect(['a', 'b', 'c'].map((id) => known.isDisabled(ORGANIZATION, id))).toEqual([
      true,
      true,
      false,
    ]);
    expect(known.lookUp(ORGANIZATION, 'c')).toBeNull();
  });

  it('are looked up in the store where memory does not hold them all, after a start as while it runs', async () => {
    const stored = storeOf('a', 'b', 'c');
    const loaded = endpoints(stored, 2);
    await loaded.load();
    const running = endpoints(stored, 2);
    for (const id of ['a', 'b', 'c']) running.gone(ORGANIZATION, id);
    for (const known of [loaded, running]) {
      expect(known.isDisabled(ORGANIZATION, 'a')).toBe(false);
      expect(known.isDisabled(ORGANIZATION, 'c')).toBe(true);
      expect(await known.lookUp(ORGANIZATION, 'a')).toBe(true);
      expect(await known.lookUp(ORGANIZATION, 'd')).toBe(false);
    }
    await running.setEnabled(ORGANIZATION, 'a', true);
    expect(await running.lookUp(ORGANIZATION, 'a')).toBe(false);
  });
});
