import { type DatabaseLook, numberOf, oneRow } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

const WARN_MS = 500;
const FAIL_MS = 2_000;
const ROUNDS = 5;

/**
 * How far this machine's clock is from the database's. Leases do not rest on that: they are counted by each
 * clock for itself. Moments do: a job's `not_before`, retries and deliveries that another node wakes.
 */
export async function checkClock({ probe, clock }: DatabaseLook): Promise<readonly Finding[]> {
  let best = { skew: 0, roundTrip: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = clock.now();
    const sentAt = clock.monotonic();
    const row = await oneRow(
      probe,
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
    );
    const roundTrip = clock.monotonic() - sentAt;
    const skew = before + roundTrip / 2 - numberOf(row, 'now');
    // What came back quickest leaves the least room for an error.
    if (roundTrip < best.roundTrip) best = { skew, roundTrip };
  }
  return [
    skewFinding('clock_database', 'the database', best.skew, best.roundTrip / 2),
    best.roundTrip > 20
      ? warn(
          'round_trip',
          `the database answers after ${best.roundTrip.toFixed(1)} ms`,
          'run the nodes in the region of the database: each commit waits for several such trips',
        )
      : ok('round_trip', `the database answers after ${best.roundTrip.toFixed(1)} ms`),
  ];
}

/** @param uncertainty How far the figure may be off, in milliseconds. */
export function skewFinding(
  check: string,
  whose: string,
  skew: number,
  uncertainty: number,
): Finding {
  const least = Math.max(0, Math.abs(skew) - uncertainty);
  const direction = skew > 0 ? 'ahead of' : 'behind';
  const exact = `${Math.round(Math.abs(skew))} ms (± ${Math.ceil(uncertainty)})`;
  const message = `the clock of this machine is ${exact} ${direction} that of ${whose}`;
  const fix = 'let NTP (chrony, systemd-timesyncd) set the clocks of both';
  if (least > FAIL_MS) return fail(check, message, fix);
  if (least > WARN_MS) return warn(check, message, fix);
  return ok(check, message);
}
