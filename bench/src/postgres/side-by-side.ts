import { bullmq } from '../systems/bullmq.ts';
import type { ClaimOrder } from './claim-main.ts';
import { type Comparison, type Contestant, ofProcess, ofSystem } from './compare.ts';
import { nodesOnPostgres } from './nodes.ts';
import type { PeerOrder } from './peer-main.ts';

const PEER = new URL('./peer-main.ts', import.meta.url);
const CLAIM = new URL('./claim-main.ts', import.meta.url);

/** What one node does beside job queues on PostgreSQL, and beside the service that is written with BullMQ. */
export function sideBySide(isQuick: boolean): readonly Comparison[] {
  const scaled = (jobs: number): number => (isQuick ? Math.ceil(jobs / 5) : jobs);
  const node = nodesOnPostgres(1);
  const single = { jobs: scaled(20_000), warmUp: scaled(5_000) };
  const bulk = { jobs: scaled(60_000), warmUp: scaled(10_000) };
  const claims: Omit<ClaimOrder, 'url'> = { jobs: scaled(20_000), warmUp: scaled(5_000) };
  const life = { jobs: scaled(10_000), warmUp: scaled(8_000), concurrency: 64 };
  return [
    {
      key: 'submit',
      title: `submit: one job a call, 64 in flight (${single.jobs} jobs, which then wait)`,
      ours: ofSystem(node, { ...single, connections: 64, concurrency: 0 }),
      peers: [
        { ...peerOf('pg-boss', 'add', { ...single, inFlight: 64, batch: 1 }), atLeast: 5 },
        { ...peerOf('graphile-worker', 'add', { ...single, inFlight: 64, batch: 1 }), atLeast: 8 },
      ],
    },
    {
      key: 'batch',
      title: `submit in batches of 100, 4 in flight (${bulk.jobs} jobs, which then wait)`,
      ours: ofSystem(node, { ...bulk, connections: 4, concurrency: 0, jobsPerRequest: 100 }),
      peers: [
        { ...peerOf('pg-boss', 'add', { ...bulk, inFlight: 4, batch: 100 }), atLeast: 2 },
        { ...peerOf('graphile-worker', 'add', { ...bulk, inFlight: 4, batch: 100 }), atLeast: 2 },
      ],
    },
    {
      key: 'claim',
      title: `claim and settle, at the store, 100 at once (${claims.jobs} of waiting jobs)`,
      ours: ofProcess('EZThrottle, arm + settle', CLAIM, claims),
      peers: [
        { ...peerOf('pg-boss', 'claim', { ...claims, inFlight: 2, batch: 100 }), atLeast: 4 },
      ],
    },
    {
      key: 'lifecycle',
      title: `lifecycle: submit, call the target, signed result acknowledged (${life.jobs} jobs, 64 at once)`,
      ours: ofSystem(node, { ...life, connections: 64 }),
      peers: [{ ...ofSystem(bullmq('everysec'), { ...life, connections: 64 }), atLeast: 1.2 }],
    },
  ];
}

function peerOf(
  peer: PeerOrder['peer'],
  task: PeerOrder['task'],
  rest: Omit<PeerOrder, 'peer' | 'task' | 'url'>,
): Contestant {
  return ofProcess(peer, PEER, { peer, task, ...rest });
}
