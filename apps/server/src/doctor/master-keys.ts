import { SEALING_KEY_COLUMNS } from '../store/archive/archive-tables.ts';
import { type DatabaseLook, hasTable, textOf } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** Whether the server's master keys open what is stored. */
export async function checkMasterKeys(look: DatabaseLook): Promise<readonly Finding[]> {
  const { probe, plan } = look;
  const found = new Set<string>();
  for (const [table, column] of SEALING_KEY_COLUMNS) {
    if (!(await hasTable(look, table))) continue;
    const rows = await probe.query(
      `SELECT DISTINCT ${column} AS id FROM "${plan.schema}".${table} WHERE ${column} IS NOT NULL`,
    );
    for (const row of rows) found.add(textOf(row, 'id'));
  }
  return [masterKeyFinding([...found], plan.keyIds)];
}

/**
 * @param stored Names of the keys that have sealed what is stored.
 * @param own Names of the server's keys, the one that seals first; null: it has none.
 */
export function masterKeyFinding(
  stored: readonly string[],
  own: readonly string[] | null,
): Finding {
  const check = 'master_key';
  if (own === null) {
    return warn(
      check,
      'no master key was given, so that nobody can say whether it opens what is stored',
      'run the doctor with the environment of the server (EZTHROTTLE_MASTER_KEY)',
    );
  }
  const lacking = stored.filter((id) => !own.includes(id)).toSorted();
  if (lacking.length > 0) {
    return fail(
      check,
      `secrets are sealed under master keys that this server does not have: ${lacking.join(', ')} (it has ${own.join(', ')})`,
      'give those keys with --former-master-keys, or put the right one back as --master-key',
    );
  }
  const former = stored.filter((id) => id !== own[0]);
  return former.length > 0
    ? ok(
        check,
        `all secrets can be opened; some are still sealed under former keys (${former.join(', ')}), which \`ezthrottle re-encrypt\` ends`,
      )
    : ok(check, 'all secrets can be opened');
}
