import { readFileSync } from 'node:fs';
import { type RedisOptions, startRedis } from '../../../scripts/services/redis.ts';
import { Child } from '../processes/child.ts';
import type { RunningSystem, Setting, System } from './system.ts';

const START_MS = 20_000;
const APP = new URL('../processes/bullmq-main.ts', import.meta.url);

/** @param appendFsync When Redis syncs what it was told to disk; `everysec` is its own default. */
export function bullmq(appendFsync: NonNullable<RedisOptions['appendFsync']>): System {
  return {
    name: `BullMQ, ${appendFsync}`,
    async start({ secret, concurrency }: Setting): Promise<RunningSystem> {
      const redis = await startRedis({ appendFsync });
      const app = Child.start<{ url: string }>(APP, { redis: redis.url, secret, concurrency });
      const end = async (): Promise<void> => {
        await app[Symbol.asyncDispose]();
        await redis[Symbol.asyncDispose]();
      };
      try {
        const { url } = await app.next(START_MS);
        const processIds = [app.processId, redis.processId].filter((id) => id !== null);
        return {
          submitUrl: url,
          headers: {},
          processIds: processIds.length === 2 ? processIds : [],
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
