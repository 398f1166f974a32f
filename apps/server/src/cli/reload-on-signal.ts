import type { Config, ConfigKey } from '../config.ts';
import { ConfigError } from '../config/config-error.ts';

/**
 * On SIGHUP the configuration is read anew. When anything in it is wrong, all of it stays as it is; both
 * are said on stderr.
 */
export function reloadOnSignal(options: {
  /** @throws ConfigError */
  readonly read: () => Config;
  /** Gives the settings that wait for the next start. */
  readonly reload: (wanted: Config) => Promise<readonly ConfigKey[]>;
}): void {
  const say = (text: string): void => {
    process.stderr.write(`ezthrottle: ${text}\n`);
  };
  // One after the other: the last signal is the last word.
  let latest = Promise.resolve();
  process.on('SIGHUP', () => {
    latest = latest.then(async () => {
      try {
        const left = await options.reload(options.read());
        say('configuration reloaded');
        if (left.length > 0) say(`in force at the next start: ${left.join(', ')}`);
      } catch (error) {
        say(`configuration left as it is: ${reasonOf(error)}`);
      }
    });
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
