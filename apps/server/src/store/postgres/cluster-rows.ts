import type { ClusterOperation, FenceRow, SeenSlot, SlotOwner, SlotRow } from '@ezthrottle/engine';
import type {
  ClusterDatabase,
  NodeFacts,
  NodesView,
  PeerRow,
  Renewal,
} from '../../cluster/cluster-database.ts';
import { integer, type Row, text } from '../rows/row.ts';
import type { Connection, Database } from './database.ts';

/** Milliseconds since the epoch, by the clock of the database, at the moment at which it is read. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

type FenceOperation = Extract<ClusterOperation, { readonly type: 'fence' }>;

const LOCK_NOT_AVAILABLE = '55P03';

/** As long as the node has this epoch, and no longer than this transaction: nobody can fence it meanwhile. */
const OWN = 'own AS (SELECT 1 FROM {fences} WHERE node = $1 AND epoch = $2 FOR SHARE)';

const READ = `
  SELECT ${NOW} AS database_now,
    (SELECT coalesce(json_agg(json_build_object('node', node, 'version', version, 'regions',
       regions::json, 'url', url, 'isDraining', is_draining, 'expiresAt', expires_at)), '[]')
     FROM {nodes})::text AS nodes,
    (SELECT coalesce(json_agg(json_build_object('node', node, 'epoch', epoch)), '[]')
     FROM {fences})::text AS fences,
    (SELECT json_agg(json_build_array(slot, owner, epoch, version)) FROM {slots})::text AS slots,
    (SELECT coalesce(json_agg(json_build_array(name, number)), '[]')
     FROM {revisions})::text AS revisions`;

/** The cluster's rows in PostgreSQL. */
export function createClusterRows(database: Database): ClusterDatabase {
  /** What may run twice: nothing of it is done when a statement is refused for its name. */
  function repeatable<Result>(act: (connection: Connection) => Promise<Result>): Promise<Result> {
    return database.repeatUnprepared(() => database.inTransaction(act));
  }

  async function apply(operation: ClusterOperation): Promise<void> {
    switch (operation.type) {
      case 'join':
      case 'renew':
        throw new TypeError(`${operation.type} has a method of its own`);
      case 'fence':
        await fenceUnlessLocked(repeatable, operation);
        return;
      case 'take_slots':
        await take(database, operation.owner, operation.slots);
        return;
      case 'release_slots':
        await release(database, operation.owner, operation.slots);
        return;
      case 'leave':
        await repeatable((connection) => leave(connection, operation));
        return;
      case 'forget':
        await forget(database, operation.owner, operation.fences);
    }
  }

  return {
    join: (facts, leaseMs) => repeatable((connection) => join(connection, facts, leaseMs)),
    renew: (renewal) =>
      repeatable(async (connection) => {
        const [, rows] = await Promise.all([renew(connection, renewal), connection.query(READ)]);
        return viewOf(rows[0] ?? {});
      }),
    async apply(operations) {
      for (const operation of operations) await apply(operation);
    },
    async revisions() {
      const found = await database.query('SELECT name, number FROM {revisions}');
      return new Map(found.map((row) => [text(row, 'name'), integer(row, 'number')]));
    },
    async announce(node, url) {
      await database.run('UPDATE {nodes} SET url = $2 WHERE node = $1', [node, url]);
    },
    alone: (act) =>
      database.inTransaction(async (connection) => {
        // Without a name: what is done here cannot be done twice, as after a name that a pooler has lost.
        await connection.command(
          `SELECT pg_advisory_xact_lock(hashtext('ezthrottle alone'), hashtext('${connection.schema}'))`,
        );
        return await act();
      }),
    close: () => database.close(),
  };
}

async function join(
  connection: Connection,
  { node, version, regions, url }: NodeFacts,
  leaseMs: number,
): Promise<number> {
  const [row = {}] = await connection.query(
    `INSERT INTO {fences} (node, epoch) VALUES ($1, nextval('{epochs}'))
     ON CONFLICT (node) DO UPDATE SET epoch = excluded.epoch RETURNING epoch`,
    [node],
  );
  await connection.run(
    `INSERT INTO {nodes} (node, version, regions, url, joined_at, expires_at)
     VALUES ($1, $2, $3, $4, ${NOW}, ${NOW} + $5)
     ON CONFLICT (node) DO UPDATE SET version = excluded.version, regions = excluded.regions,
       url = excluded.url, is_draining = false, expires_at = excluded.expires_at`,
    [node, version, JSON.stringify(regions), url, leaseMs],
  );
  return integer(row, 'epoch');
}

async function renew(connection: Connection, renewal: Renewal): Promise<void> {
  const { node, epoch, isDraining, leaseMs } = renewal;
  await connection.run(
    `WITH ${OWN}
     UPDATE {nodes} SET is_draining = $3, expires_at = ${NOW} + $4
     WHERE node = $1 AND EXISTS (SELECT FROM own)`,
    [node, epoch, isDraining, leaseMs],
  );
}

/**
 * A node that stands still in the middle of a write holds its row: nobody waits for it, since the lease of
 * the one who waits would end. The next round asks again; the database lets go of the write before long.
 */
async function fenceUnlessLocked(
  inTransaction: (act: (connection: Connection) => Promise<void>) => Promise<void>,
  operation: FenceOperation,
): Promise<void> {
  try {
    await inTransaction((connection) => fence(connection, operation));
  } catch (error) {
    if (!isLocked(error)) throw error;
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
}

async function fence(
  connection: Connection,
  { node, epoch, takeMarginMs }: FenceOperation,
): Promise<void> {
  await connection.command("SET LOCAL lock_timeout = '300ms'");
  const locked = await connection.query(
    'SELECT 1 FROM {fences} WHERE node = $1 AND epoch = $2 FOR UPDATE',
    [node, epoch],
  );
  if (locked.length === 0) return;
  const [heartbeat] = await connection.query(
    `SELECT expires_at, ${NOW} AS database_now FROM {nodes} WHERE node = $1`,
    [node],
  );
  if (heartbeat === undefined) return;
  const isDead =
    integer(heartbeat, 'database_now') >= integer(heartbeat, 'expires_at') + takeMarginMs;
  if (!isDead) return;
  await connection.run(`UPDATE {fences} SET epoch = nextval('{epochs}') WHERE node = $1`, [node]);
  await connection.run('DELETE FROM {nodes} WHERE node = $1', [node]);
}

async function take(
  database: Database,
  { node, epoch }: SlotOwner,
  slots: readonly SeenSlot[],
): Promise<void> {
  await database.run(
    `WITH ${OWN}
     UPDATE {slots} AS one SET owner = $1, epoch = $2, version = one.version + 1
     FROM json_to_recordset($3::json) AS seen (slot smallint, version bigint)
     WHERE one.slot = seen.slot AND one.version = seen.version AND EXISTS (SELECT FROM own)
       AND NOT EXISTS (
         SELECT FROM {fences} AS former WHERE former.node = one.owner AND former.epoch = one.epoch)`,
    [node, epoch, JSON.stringify(slots)],
  );
}

async function release(
  database: Database,
  { node, epoch }: SlotOwner,
  slots: readonly SeenSlot[],
): Promise<void> {
  await database.run(
    `WITH ${OWN}
     UPDATE {slots} AS one SET owner = NULL, epoch = NULL, version = one.version + 1
     FROM json_to_recordset($3::json) AS seen (slot smallint, version bigint)
     WHERE one.slot = seen.slot AND one.version = seen.version AND EXISTS (SELECT FROM own)
       AND one.owner = $1 AND one.epoch = $2`,
    [node, epoch, JSON.stringify(slots)],
  );
}

async function leave(connection: Connection, { node, epoch }: FenceRow): Promise<void> {
  const gone = await connection.run('DELETE FROM {fences} WHERE node = $1 AND epoch = $2', [
    node,
    epoch,
  ]);
  if (gone > 0) await connection.run('DELETE FROM {nodes} WHERE node = $1', [node]);
}

async function forget(
  database: Database,
  { node, epoch }: SlotOwner,
  fences: readonly FenceRow[],
): Promise<void> {
  await database.run(
    `WITH ${OWN}
     DELETE FROM {fences} AS old
     USING json_to_recordset($3::json) AS seen (node uuid, epoch bigint)
     WHERE old.node = seen.node AND old.epoch = seen.epoch AND EXISTS (SELECT FROM own)
       AND NOT EXISTS (SELECT FROM {nodes} WHERE nodes.node = old.node)
       AND NOT EXISTS (SELECT FROM {slots} WHERE slots.owner = old.node)`,
    [node, epoch, JSON.stringify(fences)],
  );
}

function viewOf(row: Row): NodesView {
  const nodes: readonly PeerRow[] = JSON.parse(text(row, 'nodes'));
  const fences: readonly FenceRow[] = JSON.parse(text(row, 'fences'));
  const slots: readonly (readonly [number, string | null, number | null, number])[] = JSON.parse(
    text(row, 'slots'),
  );
  const revisions: readonly (readonly [string, number])[] = JSON.parse(text(row, 'revisions'));
  return {
    databaseNow: integer(row, 'database_now'),
    nodes,
    fences,
    slots: slots.map(slotRow),
    revisions: new Map(revisions),
  };
}

function slotRow([slot, node, epoch, version]: readonly [
  number,
  string | null,
  number | null,
  number,
]): SlotRow {
  return { slot, owner: node === null || epoch === null ? null : { node, epoch }, version };
}
