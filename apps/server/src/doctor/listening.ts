import { randomBytes } from 'node:crypto';
import { openProbe } from '../store/postgres/probe.ts';
import { connectionFailure } from './connection-failure.ts';
import type { DatabaseLook } from './database-look.ts';
import { type Finding, ok, warn } from './finding.ts';

const HEARD_WITHIN_MS = 2_000;
const WITHOUT =
  'nodes find what others have written by looking, up to a second later; start with --no-database-notify to say so';

/** Whether what one node says is heard by another, over the address that is for listening. */
export async function checkListening({ plan, probe }: DatabaseLook): Promise<readonly Finding[]> {
  const check = 'listen';
  if (!plan.notify) return [ok(check, 'nodes do not listen (--no-database-notify)')];
  const setting = plan.listenUrl === null ? 'DATABASE_URL' : 'DATABASE_LISTEN_URL';
  const url = plan.listenUrl ?? plan.url;
  const channel = `ezthrottle_doctor_${randomBytes(6).toString('hex')}`;
  let listener: Awaited<ReturnType<typeof openProbe>>;
  try {
    listener = await openProbe({ url });
  } catch (error) {
    const { message, fix } = connectionFailure(check, setting, url, error);
    return [warn(check, message, `${fix ?? ''}; meanwhile ${WITHOUT}`)];
  }
  try {
    const heard = listener.notified(HEARD_WITHIN_MS);
    await listener.query(`LISTEN "${channel}"`);
    await probe.query('SELECT pg_notify($1, $2)', [channel, 'said']);
    if ((await heard) === 'said') return [ok(check, 'what one connection says, another one hears')];
  } catch (error) {
    return [
      warn(
        check,
        `${setting} cannot be listened on: ${error instanceof Error ? error.message : String(error)}`,
        `set DATABASE_LISTEN_URL to the primary itself; ${WITHOUT}`,
      ),
    ];
  } finally {
    await listener.close();
  }
  return [
    warn(
      check,
      `what is said is not heard on ${setting}: a pooler between that keeps no sessions, or another server`,
      `set DATABASE_LISTEN_URL to the primary itself, without the pooler; ${WITHOUT}`,
    ),
  ];
}
