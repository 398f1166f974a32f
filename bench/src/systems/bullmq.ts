import { readFileSync } from 'node:fs';
import { type RedisOptions, startRedis } from '../../../scripts/services/redis.ts';
import type { BullmqOrder } from '../processes/bullmq-main.ts';
import { Child } from '../processes/child.ts';
import type { RunningSystem, Setting, System } from './system.ts';

const START_MS = 20_000;
const APP = new URL('../processes/bullmq-main.ts', import.meta.url);

/**
 * @param processes 2: one accepts, the other works.
 * @param appendFsync When Redis syncs what it was told to disk; `everysec` is its own default.
 */
export function bullmq(
  appendFsync: NonNullable<RedisOptions['appendFsync']>,
  processes: 1 | 2 = 1,
): System {
  return {
    name: `BullMQ, ${appendFsync}${processes === 2 ? ', two processes' : ''}`,
    async start({ secret, concurrency }: Setting): Promise<RunningSystem> {
      const redis = await startRedis({ appendFsync });
      const start = (role: BullmqOrder['role']): Child<{ url: string }> =>
        Child.start(APP, { redis: redis.url, secret, concurrency, role });
      const app = start(processes === 2 ? 'accept' : 'both');
      const worker = processes === 2 ? start('work') : null;
      const end = async (): Promise<void> => {
        await app[Symbol.asyncDispose]();
        await worker?.[Symbol.asyncDispose]();
        await redis[Symbol.asyncDispose]();
      };
      try {
        const { url } = await app.next(START_MS);
        await worker?.next(START_MS);
        const processIds = [app.processId, worker?.processId ?? null, redis.processId].filter(
          (id) => id !== null,
        );
        return {
          submitUrl: url,
          batchUrl: url,
          headers: {},
          processIds: processIds.length === processes + 1 ? processIds : [],
          description: `${versionOf()} on Redis ${redis.version}, appendfsync ${appendFsync}`,
          [Symbol.asyncDispose]: end,
        };
      } catch (error) {
        await end();
        throw error;
      }
    },
  };
}

function versionOf(): string {
  const manifest = new URL(import.meta.resolve('bullmq/package.json'));
  const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'));
  return version;
}
