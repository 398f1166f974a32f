// Our store by itself, in a process of its own: takes waiting jobs from the line and settles them.

import { openPostgresStore } from '../../../apps/server/src/store/postgres/postgres-store.ts';
import { inputOfChild, say } from '../processes/child.ts';
import { epochMs } from '../work.ts';
import type { PeerReport } from './peer-main.ts';
import { BATCH, claimAndSettle, jobOf, putTenant, submitJobs } from './store-work.ts';

export interface ClaimOrder {
  readonly url: string;
  readonly jobs: number;
  readonly warmUp: number;
}

const { url, jobs, warmUp } = inputOfChild<ClaimOrder>();
const store = await openPostgresStore({ url });
await putTenant(store);
// As many as the peer puts in.
for (let put = 0; put < 1.5 * (warmUp + jobs); put += BATCH) {
  const batch = Array.from({ length: BATCH }, (_, index) => jobOf(put + index));
  await submitJobs(store, batch);
}
await claimAndSettle(store, warmUp);
const report = (type: PeerReport['type'], startedAt: number): void =>
  say({ type, startedAt, endedAt: epochMs(), latenciesMs: [] });
report('warm', epochMs());
process.once('message', () => {
  const startedAt = epochMs();
  void claimAndSettle(store, jobs).then(() => report('done', startedAt));
});
