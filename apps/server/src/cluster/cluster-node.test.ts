import type { Id } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { expect, test } from 'vitest';
import type { ClusterDatabase } from './cluster-database.ts';
import { ClusterNode } from './cluster-node.ts';

const NODE: Id = '0195f6a0-0000-7000-8000-000000000001';

/** Rows of one node, whom the others may take for dead. */
class OneNode {
  readonly clock = new FakeClock();
  renewals = 0;
  isFenced = false;
  fenced = 0;
  readonly asked: string[] = [];
  readonly node: ClusterNode;

  constructor() {
    const rows: ClusterDatabase = {
      join: () => Promise.resolve(1),
      renew: () => {
        this.renewals += 1;
        return Promise.resolve({
          databaseNow: this.clock.now(),
          nodes: [
            {
              node: NODE,
              version: '1',
              regions: [],
              url: null,
              isDraining: false,
              expiresAt: this.clock.now() + 3_000,
            },
          ],
          fences: [{ node: NODE, epoch: this.isFenced ? 2 : 1 }],
          slots: [{ slot: 0, owner: null, version: 1 }],
          revisions: new Map(),
        });
      },
      apply: (operations) => {
        this.asked.push(...operations.map(({ type }) => type));
        return Promise.resolve();
      },
      revisions: () => Promise.resolve(new Map()),
      announce: () => Promise.resolve(),
      alone: (act) => act(),
      close: () => Promise.resolve(),
    };
    const silent = (): void => undefined;
    this.node = new ClusterNode({
      database: rows,
      clock: this.clock,
      facts: { node: NODE, version: '1', regions: [], url: null },
      onFenced: () => {
        this.fenced += 1;
      },
      logger: { info: silent, warn: silent, error: silent },
    });
  }
}

test('a node whose start takes longer than its lease can still write what belongs to its start', async () => {
  const { clock, node, asked } = new OneNode();
  await node.join();
  await clock.advance(20_000);
  let isLeased = false;
  const leased = node.leased().then(() => {
    isLeased = true;
  });
  await clock.advance(0);
  expect(isLeased).toBe(true);
  // It is not yet ready to do anything with slots.
  expect(asked).toEqual([]);
  await node.start([]);
  expect(asked).toContain('take_slots');
  await node.stop();
  await leased;
});

test('a node that was taken for dead while it started is told, and writes nothing', async () => {
  const rows = new OneNode();
  await rows.node.join();
  rows.isFenced = true;
  await rows.clock.advance(4_000);
  expect(rows.fenced).toBe(1);
  await expect(rows.node.leased()).rejects.toMatchObject({ code: 'node_fenced' });
});

test('a node that stops before it has started renews nothing any more', async () => {
  const rows = new OneNode();
  await rows.node.join();
  await rows.node.stop();
  await rows.clock.advance(10_000);
  expect(rows.renewals).toBe(0);
});
