import type { Store } from '@ezthrottle/engine';
import type { Surface } from './api/route.ts';
import type { Config, ConfigKey } from './config.ts';
import type { SqliteStoreOptions } from './store/sqlite/sqlite-store.ts';
import { compose } from './composition/compose.ts';

/** What opens, signs and seals. Nothing of it is written to disk in the clear by the app. */
export interface AppKeys {
  readonly apiKey: string;
  /** 32 bytes in base64. */
  readonly masterKey: string;
  /** Stored when no signing secret is stored yet. */
  readonly signingSecret: string | null;
  /** Hash of an API key that `apiKey` replaces: it opens nothing from now on. Default: none. */
  readonly formerKeyHash?: string | null;
}

export interface AppOptions {
  readonly config: Config;
  /** Absolute path of a folder that exists. */
  readonly dataDir: string;
  readonly keys: AppKeys;
  /** A stored signing secret that another master key sealed is given up instead of an error. Default false. */
  readonly replaceUnreadableSecrets?: boolean;
  /** Where OpenTelemetry's own variables are looked for. Default: nowhere. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What opens the store. Default: `openSqliteStore`. */
  readonly openStore?: (options: SqliteStoreOptions) => Promise<Store>;
  /** Told what is served, before the port is open. */
  readonly onSurfaces?: (surfaces: readonly Surface[]) => void;
  /** The store failed: what is in memory is ahead of the disk, and the process has to end. */
  readonly onFatal: (error: Error) => void;
}

export interface RunningApp {
  /**
   * Takes over what may change while it runs, for calls from now on.
   *
   * @returns Settings that differ and are not in force before the next start.
   */
  reload(config: Config): Promise<readonly ConfigKey[]>;
  /** Where it listens, for example `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The secret that signs webhooks; null when there is none. */
  readonly signingSecret: string | null;
}

export interface App {
  /** Opens the store, goes on with the jobs in it, and listens. On an error everything is closed again. */
  start(): Promise<RunningApp>;
  /** Takes no more requests, lets calls under way end within the configured bound, closes the store. */
  stop(): Promise<void>;
}

/** The whole server, put together. This is the only file that knows which part is what. */
export function createApp(options: AppOptions): App {
  const closers: (() => Promise<void> | void)[] = [];
  let starting: Promise<RunningApp> | null = null;
  let stopping: Promise<void> | null = null;

  async function closeAll(): Promise<void> {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  }

  async function startOrClose(): Promise<RunningApp> {
    try {
      return await compose(options, (close) => closers.push(close));
    } catch (error) {
      await closeAll();
      throw error;
    }
  }

  return {
    start() {
      starting ??= startOrClose();
      return starting;
    },
    stop() {
      stopping ??= (async () => {
        await starting?.catch(() => undefined);
        await closeAll();
      })();
      return stopping;
    },
  };
}
