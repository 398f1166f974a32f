import { type DatabaseLook, numberOf, oneRow } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';
import { checkPoolerRoom } from './pooler-room.ts';
import type { Probe } from '../store/postgres/probe.ts';

/** How a pooler shares the sessions of the server between its clients. */
type Pooling = 'none' | 'session' | 'transaction' | 'statement';

const PROCESS = 'SELECT pg_backend_pid() AS id';
const ROUNDS = 4;

/** Whether something pools connections between here and the server, and whether it can carry what we send. */
export async function checkPooler(look: DatabaseLook): Promise<readonly Finding[]> {
  const { plan } = look;
  const pooling = await poolingOf(look);
  const check = 'pooler';
  if (pooling === 'none') return [ok(check, 'connections lead straight to the server')];
  if (pooling === 'session') {
    return [
      warn(
        check,
        'a pooler keeps a session of the server for each client, so that it saves no connections',
        'set pool_mode = transaction for this database in pgbouncer.ini',
      ),
    ];
  }
  if (pooling === 'statement') {
    return [
      fail(
        check,
        'a pooler gives each statement another session, so that there are no transactions',
        'set pool_mode = transaction for this database in pgbouncer.ini',
      ),
    ];
  }
  return [
    ok(check, 'a pooler shares sessions between transactions'),
    await checkPoolerRoom(look),
    plan.prepare
      ? await namesFinding(look)
      : ok('prepared_statements', 'statements are sent without names'),
  ];
}

async function poolingOf(look: DatabaseLook): Promise<Pooling> {
  const { probe } = look;
  // A pooler that gave out the server's own numbers could cancel other clients' statements.
  const isDirect = numberOf(await oneRow(probe, PROCESS), 'id') === probe.announcedProcessId;
  if (isDirect) return 'none';
  return await withAnother(look, async (other) => {
    try {
      await other.query('BEGIN');
    } catch {
      return 'statement';
    }
    await other.query('ROLLBACK');
    for (let round = 0; round < ROUNDS; round += 1) {
      // Whoever asks next is given the session that came back last.
      const own = await oneRow(probe, PROCESS);
      const theirs = await oneRow(other, PROCESS);
      if (numberOf(own, 'id') === numberOf(theirs, 'id')) return 'transaction';
    }
    return 'session';
  });
}

/** Lets two clients prepare different statements under one name, on a session that they share. */
async function namesFinding(look: DatabaseLook): Promise<Finding> {
  const check = 'prepared_statements';
  const name = 'ezthrottle_doctor';
  try {
    await withAnother(look, async (first) => {
      await withAnother(look, async (second) => {
        for (let round = 0; round < ROUNDS; round += 1) {
          await first.named(name, 'SELECT $1::int + 1 AS sum', [round]);
          await second.named(name, 'SELECT $1::int + 2 AS sum', [round]);
        }
      });
    });
    return ok(check, 'the pooler carries prepared statements');
  } catch {
    return fail(
      check,
      'the pooler does not carry prepared statements',
      'start with --no-database-prepare, or take PgBouncer 1.21 or later with max_prepared_statements = 200',
    );
  }
}

async function withAnother<Result>(
  { another }: DatabaseLook,
  act: (probe: Probe) => Promise<Result>,
): Promise<Result> {
  const probe = await another();
  try {
    return await act(probe);
  } finally {
    await probe.close();
  }
}
