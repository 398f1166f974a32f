import { type DatabaseLook, hasTable, numberOf, oneRow } from './database-look.ts';
import { type Finding, ok, warn } from './finding.ts';

/** A node that runs takes over what waits within a fraction of this, in milliseconds. */
const LATE_MS = 60_000;

/** Whether jobs that were submitted within transactions are taken over, and whether all of them could be. */
export async function checkInbox(look: DatabaseLook): Promise<readonly Finding[]> {
  const check = 'inbox';
  if (!(await hasTable(look, 'inbox'))) return [];
  const { probe, plan } = look;
  const row = await oneRow(
    probe,
    `SELECT count(*) AS waiting, (SELECT count(*) FROM "${plan.schema}".inbox_refusals
         WHERE duplicate_of IS NULL) AS refused,
       coalesce(extract(epoch FROM clock_timestamp()) * 1000 - min(created_at), 0)::bigint AS age
     FROM "${plan.schema}".inbox`,
  );
  const [waiting, refused, age] = [
    numberOf(row, 'waiting'),
    numberOf(row, 'refused'),
    numberOf(row, 'age'),
  ];
  const findings = [
    ...(age > LATE_MS
      ? [
          warn(
            check,
            `${waiting} jobs that were submitted within transactions wait, the oldest for ${Math.round(age / 1_000)} s`,
            'start a node, or see why those that run have no room (their log, /health) or do not look (--database-inbox 0)',
          ),
        ]
      : []),
    ...(refused > 0
      ? [
          warn(
            'inbox_refused',
            `${refused} jobs that were submitted within transactions were refused`,
            '`ezthrottle inbox` tells why; --retry gives them another try',
          ),
        ]
      : []),
  ];
  if (findings.length > 0) return findings;
  return [ok(check, 'jobs that are submitted within transactions are taken over')];
}
