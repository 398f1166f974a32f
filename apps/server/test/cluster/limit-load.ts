import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { destinationLimit } from '@ezthrottle/core/protocol';
import { SLOTS, slotOf } from '@ezthrottle/engine';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { Client } from 'pg';
import type { Cluster, NodeProcess } from './cluster.ts';

/** Targets, of which each node of the cluster has at least one. */
export interface SpreadTargets extends AsyncDisposable {
  readonly targets: readonly Upstream[];
  /** By what each node has: lists of targets, longest first. */
  readonly byNode: readonly (readonly Upstream[])[];
}

export async function spreadTargets(
  cluster: Cluster,
  count: number,
  delayMs: number,
): Promise<SpreadTargets> {
  await using resources = new AsyncDisposableStack();
  const { organization, owners } = await ownersOf(cluster);
  const nodes = cluster.nodes.length;
  const byOwner = new Map<string, Upstream[]>();
  const made: Upstream[] = [];
  // Where a target lives is up to its port.
  for (let tries = 0; tries < 60; tries += 1) {
    const target = await createUpstream({ status: 200, body: 'done', delayMs });
    const owner = owners.get(slotOf(organization, target.origin)) ?? '';
    const own = byOwner.get(owner) ?? [];
    const missing = nodes - byOwner.size;
    const isNew = own.length === 0;
    if (made.length >= count || (!isNew && made.length >= count - missing)) {
      await target.close();
      if (made.length >= count) break;
      continue;
    }
    resources.defer(() => target.close());
    byOwner.set(owner, [...own, target]);
    made.push(target);
  }
  if (made.length < count) throw new Error(`only ${made.length} targets have found a place`);
  const byNode = [...byOwner.values()].toSorted((a, b) => b.length - a.length);
  const rest = resources.move();
  return { targets: made, byNode, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

/** Slots have come to rest: nodes that start one after the other hand them over for some seconds. */
async function ownersOf({ database, nodes }: Cluster): Promise<{
  readonly organization: string;
  readonly owners: ReadonlyMap<number, string>;
}> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const known = await client.query<{ id: string }>(
      'SELECT public_id::text AS id FROM ezthrottle.organizations',
    );
    const organization = known.rows[0]?.id ?? '';
    for (let tries = 0; tries < 400; tries += 1) {
      const { rows } = await client.query<{ slot: number; owner: string | null }>(
        'SELECT slot, owner FROM ezthrottle.slots',
      );
      const owners = new Map(
        rows.flatMap(({ slot, owner }) => (owner === null ? [] : [[slot, owner] as const])),
      );
      if (isFair([...owners.values()], nodes.length)) return { organization, owners };
      await sleep(100);
    }
    throw new Error('the nodes have not shared the slots among them');
  } finally {
    await client.end();
  }
}

/** Whether all slots are somebody's, and every node has as many as any other. */
function isFair(owners: readonly string[], nodes: number): boolean {
  const counts = new Map<string, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const least = Math.floor(SLOTS / nodes);
  return (
    owners.length === SLOTS &&
    counts.size === nodes &&
    [...counts.values()].every((count) => count >= least)
  );
}

/** Puts limits, and lets the targets themselves hold nobody back. */
export async function putLimits(
  { nodes: [node] }: Cluster,
  targets: readonly Upstream[],
  limits: Readonly<Record<string, object>>,
): Promise<void> {
  const free = targets.map(({ origin }): [string, object] => [
    destinationLimit(origin),
    { rate: 1_000, burst: 100, concurrency: 100 },
  ]);
  for (const [key, settings] of [...free, ...Object.entries(limits)]) {
    const path = `/api/v1/limits/${encodeURIComponent(key)}`;
    const reply = await node?.call('PUT', path, settings);
    if (reply === undefined || reply.status >= 300) throw new Error(reply?.text ?? 'no node');
  }
}

/** Calls that targets got, earliest first. */
export function arrivals(targets: readonly Upstream[]): readonly number[] {
  return targets
    .flatMap(({ requests }) => requests.map(({ monotonicAt }) => monotonicAt))
    .toSorted((a, b) => a - b);
}

/** The most within any window of this length. */
export function mostWithin(times: readonly number[], windowMs: number): number {
  let [most, from] = [0, 0];
  for (const [index, at] of times.entries()) {
    while ((times[from] ?? at) <= at - windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

/**
 * Calls per second in the best time of this length, once shares have come to rest: what else the machine does takes
 * some of all others.
 */
export function bestPerSecond(times: readonly number[], windowMs: number): number {
  const from = (times[0] ?? 0) + 2_000;
  const steady = times.filter((at) => at >= from);
  return (mostWithin(steady, windowMs) * 1_000) / windowMs;
}

/** Submits this many jobs to each target, at whichever node. */
export async function submitAll(
  nodes: readonly NodeProcess[],
  targets: readonly Upstream[],
  each: number,
  job: Readonly<Record<string, unknown>>,
): Promise<void> {
  await Promise.all(
    targets.map(async (target, index) => {
      const node = nodes[index % nodes.length];
      const jobs = Array.from({ length: each }, (_, number) => ({
        ...job,
        url: target.url(`/job/${number}`),
        idempotent_key: randomUUID(),
      }));
      const reply = await node?.call('POST', '/api/v1/jobs/batch', { jobs });
      if (reply === undefined || reply.status >= 300) throw new Error(reply?.text ?? 'no node');
    }),
  );
}
