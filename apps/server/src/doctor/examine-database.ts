import type { Clock } from '@ezthrottle/engine';
import type { Migration } from '../store/migration.ts';
import { openProbe, type Probe } from '../store/postgres/probe.ts';
import { checkClock } from './clock-skew.ts';
import { checkCommitTime } from './commit-time.ts';
import { connectionFailure } from './connection-failure.ts';
import { checkConnections } from './connection-room.ts';
import type { DatabaseLook, DatabasePlan } from './database-look.ts';
import { checkDeadRows } from './dead-rows.ts';
import { type Finding, ok, warn } from './finding.ts';
import { checkHeldBack } from './held-back.ts';
import { checkInbox } from './inbox.ts';
import { checkListening } from './listening.ts';
import { checkMasterKeys } from './master-keys.ts';
import { checkNodeClocks } from './node-clocks.ts';
import { checkNodes } from './nodes.ts';
import { checkPooler } from './pooler.ts';
import { checkPrivileges } from './privileges.ts';
import { checkSchemaVersion } from './schema-version.ts';
import { checkServer } from './server-settings.ts';

type Check = (look: DatabaseLook) => Promise<readonly Finding[]>;

const ALWAYS: readonly (readonly [string, Check])[] = [
  ['server', checkServer],
  ['privileges', checkPrivileges],
];

/** Of who may look into the schema. */
const FURTHER: readonly (readonly [string, Check])[] = [
  ['migrations', checkSchemaVersion],
  ['clock', checkClock],
  ['commit_time', checkCommitTime],
  ['connections', checkConnections],
  ['listen', checkListening],
  ['held_back', checkHeldBack],
  ['dead_rows', checkDeadRows],
  ['nodes', checkNodes],
  ['clock_nodes', checkNodeClocks],
  ['inbox', checkInbox],
  ['master_key', checkMasterKeys],
];

export interface DatabaseExamination {
  readonly plan: DatabasePlan;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly migrations: readonly Migration[];
  readonly version: string;
  /** How old a transaction may be before it is told, in milliseconds. Default 60 000. */
  readonly longTransactionMs?: number;
}

/** Looks at a database as a server would use it. Changes nothing in it. */
export async function examineDatabase(
  examination: DatabaseExamination,
): Promise<readonly Finding[]> {
  const { plan } = examination;
  const another = (): Promise<Probe> => openProbe({ url: plan.url });
  let probe: Probe;
  try {
    probe = await another();
  } catch (error) {
    return [connectionFailure('connection', 'DATABASE_URL', plan.url, error)];
  }
  const look: DatabaseLook = {
    ...examination,
    longTransactionMs: examination.longTransactionMs ?? 60_000,
    probe,
    another,
  };
  try {
    const findings = [ok('connection', 'the database can be reached')];
    findings.push(...(await tried('pooler', checkPooler, look)));
    // Without transactions, nothing else would tell the truth.
    if (findings.some(({ check, status }) => check === 'pooler' && status === 'fail')) {
      return findings;
    }
    for (const [name, check] of ALWAYS) findings.push(...(await tried(name, check, look)));
    const isShut = findings.some(
      ({ check, status }) =>
        status === 'fail' && (check === 'privileges_schema' || check === 'writable'),
    );
    if (isShut) return findings;
    for (const [name, check] of FURTHER) findings.push(...(await tried(name, check, look)));
    return findings;
  } finally {
    await probe.close();
  }
}

/** One check that cannot be made hides none of the others. */
async function tried(name: string, check: Check, look: DatabaseLook): Promise<readonly Finding[]> {
  try {
    return await check(look);
  } catch (error) {
    // What it has begun must not make the next ones fail.
    await look.probe.query('ROLLBACK').catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    return [
      warn(
        name,
        `this could not be looked at: ${reason}`,
        'make what it says possible, then run this again',
      ),
    ];
  }
}
