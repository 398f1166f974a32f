import type { Id, JobSpec } from '@ezthrottle/engine';

/** What a call of a job takes from a key; of jobs that were not read, the average. */
export function costsOf(specs: ReadonlyMap<Id, JobSpec>): (jobId: Id, key: string) => number {
  const byJob = new Map<Id, Map<string, number>>();
  const sums = new Map<string, { total: number; count: number }>();
  for (const [id, { paths }] of specs) {
    const costs = new Map<string, number>();
    for (const { key, cost } of paths[0].limits ?? []) {
      costs.set(key, cost);
      const sum = sums.get(key) ?? { total: 0, count: 0 };
      sums.set(key, { total: sum.total + cost, count: sum.count + 1 });
    }
    byJob.set(id, costs);
  }
  return (jobId, key) => {
    // A limit's key is `limit <organization> <name>`.
    const name = key.split(' ').slice(2).join(' ');
    const known = byJob.get(jobId)?.get(name);
    if (known !== undefined) return known;
    const sum = sums.get(name);
    return sum === undefined ? 1 : sum.total / sum.count;
  };
}

export function jobOf(call: string): Id {
  return call.slice(0, call.lastIndexOf(':'));
}
