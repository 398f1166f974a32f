import { skewFinding } from './clock-skew.ts';
import { type DatabaseLook, hasTable, textOf } from './database-look.ts';
import { type Finding, ok } from './finding.ts';

const ANSWER_MS = 3_000;
/** More would take too long to ask. */
const MOST_NODES = 20;
/** HTTP tells the time in whole seconds, which it has rounded down. */
const SECOND_MS = 1_000;

/** How far the clocks of the nodes are from this machine's, by what they say over HTTP. */
export async function checkNodeClocks(look: DatabaseLook): Promise<readonly Finding[]> {
  const { probe, plan } = look;
  if (!(await hasTable(look, 'nodes'))) return [];
  const rows = await probe.query(
    `SELECT node, url FROM "${plan.schema}".nodes
     WHERE url IS NOT NULL AND expires_at > extract(epoch FROM clock_timestamp()) * 1000
     ORDER BY node LIMIT $1`,
    [MOST_NODES],
  );
  return await Promise.all(
    rows.map((row) => clockFinding(look, textOf(row, 'node'), textOf(row, 'url'))),
  );
}

async function clockFinding({ clock }: DatabaseLook, node: string, url: string): Promise<Finding> {
  const check = 'clock_nodes';
  const before = clock.now();
  const sentAt = clock.monotonic();
  const said = await dateOf(`${url}/ready`);
  const roundTrip = clock.monotonic() - sentAt;
  if (said === null) {
    return ok(check, `the node ${node} is not reached from here at ${url}: its clock is not known`);
  }
  const skew = before + roundTrip / 2 - (said + SECOND_MS / 2);
  return skewFinding(check, `the node ${node}`, skew, roundTrip / 2 + SECOND_MS / 2);
}

/** Milliseconds since the epoch, by the clock of who answers; null: nobody does. */
async function dateOf(url: string): Promise<number | null> {
  try {
    const answer = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await answer.body?.cancel();
    const date = Date.parse(answer.headers.get('date') ?? '');
    return Number.isNaN(date) ? null : date;
  } catch {
    return null;
  }
}
