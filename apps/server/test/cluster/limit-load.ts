import { randomUUID } from 'node:crypto';
import { destinationLimit } from '@ezthrottle/core/protocol';
import { slotOf } from '@ezthrottle/engine';
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
  const byNode = [...byOwner.values()].toSorted((a, b) => b.length - a.length);
  const rest = resources.move();
  return { targets: made, byNode, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

async function ownersOf({ database }: Cluster): Promise<{
  readonly organization: string;
  readonly owners: ReadonlyMap<number, string>;
}> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query<{ slot: number; owner: string | null }>(
        'SELECT slot, owner FROM ezthrottle.slots',
      );
      const known = await client.query<{ id: string }>(
        'SELECT public_id::text AS id FROM ezthrottle.organizations',
      );
      const owners = new Map(
        rows.flatMap(({ slot, owner }) => (owner === null ? [] : [[slot, owner] as const])),
      );
      const organization = known.rows[0]?.id ?? '';
      if (owners.size === 1024) return { organization, owners };
    }
  } finally {
    await client.end();
  }
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
