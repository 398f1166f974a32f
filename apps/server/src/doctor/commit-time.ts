import { type DatabaseLook, median } from './database-look.ts';
import { type Finding, ok, warn } from './finding.ts';

const COMMITS = 9;
const SLOW_MS = 20;

/** How long the database takes to make a commit safe. What it writes for that is nobody's row. */
export async function checkCommitTime(look: DatabaseLook): Promise<readonly Finding[]> {
  const { probe, clock } = look;
  const times: number[] = [];
  for (let round = 0; round < COMMITS; round += 1) {
    await probe.query('BEGIN');
    await probe.query('SET LOCAL synchronous_commit = on');
    await probe.query(`SELECT pg_logical_emit_message(true, 'ezthrottle_doctor', 'a commit')`);
    const sentAt = clock.monotonic();
    await probe.query('COMMIT');
    times.push(clock.monotonic() - sentAt);
  }
  const usual = median(times);
  const slowest = Math.max(...times);
  const message = `a commit takes ${usual.toFixed(1)} ms (of ${COMMITS}, the slowest ${slowest.toFixed(1)} ms)`;
  return [
    usual > SLOW_MS
      ? warn(
          'commit_time',
          message,
          'put the write-ahead log on a faster disk, or look for what keeps it busy; a synchronous replica far away has the same effect',
        )
      : ok('commit_time', message),
  ];
}
