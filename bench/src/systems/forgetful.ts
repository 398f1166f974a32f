import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ForgetfulOrder } from '../processes/forgetful-main.ts';
import { Child } from '../processes/child.ts';
import type { System } from './system.ts';

const START_MS = 20_000;
const APP = new URL('../processes/forgetful-main.ts', import.meta.url);

/** The server from its sources, with its store or with one that keeps nothing of a job. */
export function fromSource(keepsJobs: boolean): System {
  return {
    name: keepsJobs ? 'EZThrottle' : 'EZThrottle, keeping nothing',
    async start({ secret }) {
      const keys = {
        apiKey: `ezt_bench_${randomBytes(24).toString('base64url')}`,
        masterKey: randomBytes(32).toString('base64'),
        signingSecret: secret,
      };
      const dataDir = mkdtempSync(join(tmpdir(), 'ezthrottle-bench-'));
      const config = { host: '127.0.0.1', port: 0, dataDir, ...keys, logLevel: 'warn' };
      const order: ForgetfulOrder = { config, dataDir, ...keys, keepsJobs };
      const app = Child.start<{ url: string }>(APP, order);
      const { url } = await app.next(START_MS);
      return {
        submitUrl: `${url}/api/v1/jobs`,
        batchUrl: `${url}/api/v1/jobs/batch`,
        headers: { authorization: `Bearer ${keys.apiKey}` },
        processIds: app.processId === null ? [] : [app.processId],
        description: 'from its sources',
        async [Symbol.asyncDispose]() {
          await app[Symbol.asyncDispose]();
          rmSync(dataDir, { recursive: true, force: true });
        },
      };
    },
  };
}
