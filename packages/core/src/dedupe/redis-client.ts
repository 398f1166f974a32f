import { hexOf } from './stored-id.ts';

/** What is used of a client of `ioredis`: a `Redis` or a `Cluster`. */
export interface IoredisClient {
  evalsha(sha1: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** What is used of a client of `redis`: from `createClient`, `createClientPool` or `createCluster`. */
export interface NodeRedisClient {
  evalSha(sha1: string, options: ScriptInput): Promise<unknown>;
  eval(script: string, options: ScriptInput): Promise<unknown>;
}

export type RedisClient = IoredisClient | NodeRedisClient;

interface ScriptInput {
  readonly keys: string[];
  readonly arguments: string[];
}

/** Runs a script that touches one key and answers with a number. */
export type ScriptRunner = (script: string, key: string, values: string[]) => Promise<number>;

interface ScriptCalls {
  bySha(sha1: string, key: string, values: string[]): Promise<unknown>;
  bySource(script: string, key: string, values: string[]): Promise<unknown>;
}

/** @throws {TypeError} when it is no client that is known. */
export function redisRunner(client: RedisClient): ScriptRunner {
  const calls = callsOf(client);
  const digests = new Map<string, string>();
  return async (script, key, values) => {
    const sha1 = digests.get(script) ?? (await sha1Of(script));
    digests.set(script, sha1);
    try {
      return Number(await calls.bySha(sha1, key, values));
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return Number(await calls.bySource(script, key, values));
    }
  };
}

function callsOf(client: RedisClient): ScriptCalls {
  // Both have `eval`; the spelling of the other tells them apart.
  if ('evalSha' in client && typeof client.evalSha === 'function') {
    return {
      bySha: (sha1, key, values) => client.evalSha(sha1, { keys: [key], arguments: values }),
      bySource: (script, key, values) => client.eval(script, { keys: [key], arguments: values }),
    };
  }
  if ('evalsha' in client && typeof client.evalsha === 'function') {
    return {
      bySha: (sha1, key, values) => client.evalsha(sha1, 1, key, ...values),
      bySource: (script, key, values) => client.eval(script, 1, key, ...values),
    };
  }
  throw new TypeError('redisDedupe needs a client of ioredis, or of redis 4 or later.');
}

/** Redis forgets scripts when it restarts; each node of a cluster has its own. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** As Redis names a script. */
async function sha1Of(script: string): Promise<string> {
  return hexOf(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(script)));
}
