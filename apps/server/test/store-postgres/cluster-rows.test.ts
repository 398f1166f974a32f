import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterOperation, ClusterView } from '@ezthrottle/engine';
// What the rules were searched against is what the statements have to do.
import {
  applyOperation,
  type ClusterRows,
  emptyRows,
  viewAt,
} from '../../../../packages/engine/src/cluster/cluster-database.test-support.ts';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import type { ClusterDatabase } from '../../src/cluster/cluster-database.ts';
import { systemClock } from '../../src/clock.ts';
import { createClusterRows } from '../../src/store/postgres/cluster-rows.ts';
import { Database } from '../../src/store/postgres/database.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { MIGRATIONS } from '../../src/store/postgres/migrations.ts';
import { temporarySchema } from '../temporary-postgres-store.ts';

let postgres: PostgresService;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres[Symbol.asyncDispose]());

const NODES = [1, 2, 3].map((number) => `019a0000-0000-7000-8000-00000000000${number}`);
const ALIVE_MS = 3_600_000;

const node = fc.constantFrom(...NODES);
const epoch = fc.integer({ min: 1, max: 6 });
const owner = fc.record({ node, epoch });
const slots = fc.array(fc.record({ slot: fc.nat(3), version: fc.nat(3) }), {
  minLength: 1,
  maxLength: 4,
});
const operation: fc.Arbitrary<ClusterOperation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('join' as const),
      node,
      regions: fc.constant(['iad']),
    }),
  },
  fc.record({
    type: fc.constant('renew' as const),
    node,
    epoch,
    isDraining: fc.boolean(),
    // Over long ago, or for as long as a test may take.
    leaseMs: fc.constantFrom(-ALIVE_MS, ALIVE_MS),
  }),
  fc.record({ type: fc.constant('fence' as const), node, epoch, takeMarginMs: fc.constant(500) }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant('take_slots' as const), owner, slots }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('release_slots' as const), owner, slots }),
  },
  fc.record({ type: fc.constant('leave' as const), node, epoch }),
  fc.record({
    type: fc.constant('forget' as const),
    owner,
    fences: fc.array(owner, { maxLength: 3 }),
  }),
);

/** What does not depend on when it was read. */
function shape({ nodes, fences, slots: all }: ClusterView) {
  const byNode = (one: { node: string }, other: { node: string }): number =>
    one.node < other.node ? -1 : 1;
  const now = Date.now();
  return {
    nodes: nodes
      .map((row) => ({ node: row.node, isDraining: row.isDraining, isOver: row.expiresAt < now }))
      .toSorted(byNode),
    fences: fences.map((row) => ({ ...row })).toSorted(byNode),
    slots: all.filter(({ slot }) => slot < 4).toSorted((one, other) => one.slot - other.slot),
  };
}

async function carryOut(rows: ClusterDatabase, one: ClusterOperation): Promise<void> {
  if (one.type === 'join') {
    await rows.join({ node: one.node, version: '1', regions: one.regions, url: null }, ALIVE_MS);
  } else if (one.type === 'renew') await rows.renew(one);
  else await rows.apply([one]);
}

describe('the rows of a cluster in PostgreSQL', () => {
  test('do with every operation what the model does that the rules were searched with', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 14 }), async (operations) => {
        await using place = await temporarySchema(postgres.url);
        const database = new Database({ url: place.url, schema: place.schema, connections: 2 });
        try {
          await migrate(database, MIGRATIONS, systemClock);
          const rows = createClusterRows(database);
          let model: ClusterRows = emptyRows(1_024);
          for (const one of operations) {
            await carryOut(rows, one);
            const now = Date.now();
            model = applyOperation(model, one, now, {
              times: {
                heartbeatMs: 1_000,
                leaseMs: ALIVE_MS,
                stopMarginMs: 500,
                takeMarginMs: 500,
              },
              takesUnfenced: false,
            });
          }
          // A renewal of nobody only reads.
          const nobody = { type: 'renew' as const, node: NODES[0] ?? '', epoch: -1 };
          const view = await rows.renew({ ...nobody, isDraining: false, leaseMs: 1 });
          expect(shape(view)).toEqual(shape(viewAt(model, Date.now())));
        } finally {
          await database.close();
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});
