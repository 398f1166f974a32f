import { LEASE_TIMES } from '@ezthrottle/engine';
import { type DatabaseLook, hasTable, numberOf, oneRow, textOf } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** A node that has been dead for longer is taken over by nobody. */
const NOTICED_MS = LEASE_TIMES.takeMarginMs + 2 * LEASE_TIMES.heartbeatMs;

/** Which nodes there are, whether they run the same program, and whether all slots are looked after. */
export async function checkNodes(look: DatabaseLook): Promise<readonly Finding[]> {
  const { probe, plan, version } = look;
  if (!(await hasTable(look, 'nodes'))) return [];
  const nodes = (
    await probe.query(
      `SELECT node, version,
         (extract(epoch FROM clock_timestamp()) * 1000)::bigint - expires_at AS over_ms
       FROM "${plan.schema}".nodes ORDER BY node`,
    )
  ).map((row) => ({
    node: textOf(row, 'node'),
    version: textOf(row, 'version'),
    overMs: numberOf(row, 'over_ms'),
  }));
  const live = nodes.filter(({ overMs }) => overMs <= 0);
  const dead = nodes.filter(({ overMs }) => overMs > NOTICED_MS);
  return [
    ok('nodes', live.length === 1 ? 'one node is live' : `${live.length} nodes are live`),
    ...dead.map(({ node, overMs }) => deadFinding(node, overMs, live.length)),
    ...versionFindings(live, version),
    ...(await slotFindings(look, live.length)),
  ];
}

function deadFinding(node: string, overMs: number, live: number): Finding {
  const since = `the node ${node} has not renewed its lease for ${Math.round(overMs / 1_000)} s`;
  return live === 0
    ? warn('nodes_dead', `${since}, and no other is there to take over`, 'start a node')
    : fail(
        'nodes_dead',
        `${since}, and those that live have not taken over`,
        'look at their logs for cluster_round_failed: they cannot reach the database, or wait for a lock',
      );
}

function versionFindings(
  live: readonly { readonly node: string; readonly version: string }[],
  own: string,
): readonly Finding[] {
  if (live.length === 0) return [];
  const others = live.filter(({ version }) => version !== own);
  if (others.length === 0)
    return [ok('nodes_version', `all nodes run version ${own}, as this one`)];
  const named = others.map(({ node, version }) => `${node} ${version}`).join(', ');
  return [
    warn(
      'nodes_version',
      `nodes run another version than this one (${own}): ${named}`,
      'finish the upgrade, or run the doctor of their version',
    ),
  ];
}

async function slotFindings(
  { probe, plan }: DatabaseLook,
  live: number,
): Promise<readonly Finding[]> {
  const check = 'slots';
  if (live === 0) return [];
  const row = await oneRow(
    probe,
    `SELECT count(*) AS count FROM "${plan.schema}".slots AS one WHERE NOT EXISTS (
       SELECT FROM "${plan.schema}".fences
       WHERE fences.node = one.owner AND fences.epoch = one.epoch)`,
  );
  const count = numberOf(row, 'count');
  return [
    count === 0
      ? ok(check, 'every slot has an owner')
      : warn(
          check,
          `${count} slots have no owner: what waits there waits on`,
          'slots pass on within 5 s; when this comes again, look at the logs of the nodes for cluster_round_failed',
        ),
  ];
}
