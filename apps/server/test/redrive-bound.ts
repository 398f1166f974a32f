import { expect } from 'vitest';
import type { Upstream } from '@ezthrottle/testkit';
import { objectOf, type RunningServer, textOf, until } from './running-server.ts';

/** That `max_items` is about what is sent, on whichever store this server has. The target is set right meanwhile. */
export async function expectBoundOfWhatIsSent(
  server: RunningServer,
  target: Upstream,
): Promise<void> {
  const idle = (): Promise<unknown> =>
    until(
      () => server.call('GET', '/api/v1/jobs?status=queued,racing,processing&limit=1'),
      ({ json }) => Array.isArray(json['jobs']) && json['jobs'].length === 0,
    );
  const dead = async (count: number, word: string): Promise<void> => {
    target.script({ status: 400 });
    const jobs = Array.from({ length: count }, (_, index) => ({
      url: target.url(`/${word}-${index}`),
      retry_policy: { max_retries: 0, max_reroutes: 0 },
    }));
    expect((await server.call('POST', '/api/v1/jobs/batch', { jobs })).status).toBeLessThan(300);
    await idle();
    target.script({ status: 200 });
    target.clear();
  };
  const redriven = async (settings: object): Promise<Record<string, unknown>> => {
    const body = { reason: 'it is well again', canary: 0, rate: 1_000, ...settings };
    const { json } = await server.call('POST', '/api/v1/redrives', body);
    const path = `/api/v1/redrives/${textOf(json['redrive_id'])}`;
    const over = await until(
      () => server.call('GET', path),
      (reply) => reply.json['ended_at'] !== null,
    );
    return objectOf(over.json['counts']);
  };

  await dead(40, 'old');
  expect(await redriven({})).toMatchObject({ succeeded: 40 });
  await dead(5, 'new');
  // Those that were sent before stay listed, and stand in front.
  expect(await redriven({ max_items: 3 })).toMatchObject({ already: 40, succeeded: 3 });
  expect(target.requests).toHaveLength(3);
  expect(await redriven({ max_items: 3 })).toMatchObject({ already: 43, succeeded: 2 });
  expect(new Set(target.requests.map(({ path }) => path)).size).toBe(5);
  expect(await redriven({ max_items: 1 })).toMatchObject({ already: 45, succeeded: 0 });
  expect(target.requests).toHaveLength(5);
}
