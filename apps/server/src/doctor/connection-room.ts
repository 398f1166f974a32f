import { type DatabaseLook, hasTable, isTrue, numberOf, oneRow } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** Beside those for jobs: two for the cluster's rows, one that listens. */
const CLUSTER_CONNECTIONS = 5;

/** Whether all nodes find room at the server, one more than there are, as in a rolling upgrade. */
export async function checkConnections(look: DatabaseLook): Promise<readonly Finding[]> {
  const { probe, plan } = look;
  const nodes = (await hasTable(look, 'nodes'))
    ? numberOf(
        await oneRow(
          probe,
          `SELECT count(*) AS count FROM "${plan.schema}".nodes
           WHERE expires_at > extract(epoch FROM clock_timestamp()) * 1000`,
        ),
        'count',
      )
    : 0;
  const row = await oneRow(
    probe,
    `SELECT least(
         current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0),
         (SELECT CASE WHEN rolconnlimit < 0 THEN 2147483647 ELSE rolconnlimit END
          FROM pg_roles WHERE rolname = current_user),
         (SELECT CASE WHEN datconnlimit < 0 THEN 2147483647 ELSE datconnlimit END
          FROM pg_database WHERE datname = current_database())) AS room,
       -- What others are called is not shown to everybody; how many there are, is.
       (SELECT sum(numbackends) FROM pg_stat_database)
         - (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'ezthrottle%') AS others,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser`,
  );
  return [
    roomFinding({
      nodes,
      perNode: plan.pool + CLUSTER_CONNECTIONS,
      room: numberOf(row, 'room'),
      others: numberOf(row, 'others'),
    }),
    poolFinding(plan.pool),
    isTrue(row, 'is_superuser')
      ? warn(
          'role',
          'the server connects as a superuser, who may do anything to any database of this server',
          "make a role of its own: CREATE ROLE ezthrottle LOGIN PASSWORD '…'; GRANT CREATE ON DATABASE … TO ezthrottle",
        )
      : ok('role', 'the role is no superuser'),
  ];
}

function roomFinding({
  nodes,
  perNode,
  room,
  others,
}: {
  readonly nodes: number;
  readonly perNode: number;
  readonly room: number;
  readonly others: number;
}): Finding {
  const check = 'connections';
  const wanted = (Math.max(1, nodes) + 1) * perNode;
  const count = nodes > 1 ? `${nodes} nodes` : 'one node';
  const figures = `${count} and one more while they are renewed want ${wanted} connections (${perNode} each); the server has room for ${room}, and others use ${others}`;
  if (wanted > room) {
    return fail(
      check,
      figures,
      'raise max_connections (or the limit of the role or database), lower --database-pool, or put PgBouncer between',
    );
  }
  return wanted + others > room
    ? warn(check, figures, 'raise max_connections, lower --database-pool, or put PgBouncer between')
    : ok(check, figures);
}

function poolFinding(pool: number): Finding {
  const check = 'pool';
  if (pool < 2) {
    return warn(
      check,
      `a node has ${pool} connection for jobs: reads wait for each commit`,
      'set --database-pool to 4',
    );
  }
  return pool > 16
    ? warn(
        check,
        `a node has ${pool} connections for jobs; two write, and the others only read`,
        'set --database-pool to 4; more nodes, not more connections, carry more',
      )
    : ok(check, `a node has ${pool} connections for jobs`);
}
