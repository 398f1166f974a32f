import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type AppKeys, createApp, type RunningApp } from '../app.ts';
import { type Config, readSettings } from '../config.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Profile } from '../config/setting.ts';
import type { CommandLine } from './arguments.ts';
import { sourcesOf } from './config-sources.ts';
import { fileProblems } from './file-problems.ts';
import { lockDataFolder } from './data-lock.ts';
import { loadDevKeys } from './dev-keys.ts';
import { greeting, readyLine } from './ready-message.ts';
import { reloadOnSignal } from './reload-on-signal.ts';
import { stopOnSignal } from './stop-on-signal.ts';
import { warnOfVariables } from './warn-of-variables.ts';

const LAST_WORDS_MS = 50;
/** Exit code that asks to be started again (`EX_TEMPFAIL`). */
const RESTART = 75;

/** Starts a server and says so on stdout; it runs until a signal stops it. */
export async function runServer(profile: Profile, line: CommandLine): Promise<void> {
  warnOfVariables(process.env);
  const config = usableConfig(profile, line);
  const dataDir = resolve(config.dataDir);
  // With a database, what a folder is still good for is a developer's keys.
  const needsFolder = config.databaseUrl === null || profile === 'dev';
  if (needsFolder) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const unlock = needsFolder ? lockDataFolder(dataDir) : () => undefined;
  let isStopping = false;
  try {
    const keys = profile === 'dev' ? devKeys(dataDir, config) : givenKeys(config);
    const app = createApp({
      config,
      dataDir,
      keys,
      environment: process.env,
      // A development server that lost its file of keys shall start all the same.
      replaceUnreadableSecrets: profile === 'dev',
      onFatal: (error) => {
        if ('code' in error && error.code === 'node_fenced' && !isStopping) {
          process.stderr.write(`ezthrottle: ${error.message}; beginning anew\n`);
          beginAnew();
          return;
        }
        process.stderr.write(
          `ezthrottle: the store failed, stopping at once: ${reasonsOf(error)}\n`,
        );
        // Whoever waits for a write is told that it failed, before the connections break.
        setTimeout(() => process.exit(1), LAST_WORDS_MS);
      },
    });
    // A signal that comes while it starts stops it as well. Requests end first, then calls.
    const stop = (): Promise<void> => {
      isStopping = true;
      return app.stop();
    };
    stopOnSignal({ stop, boundMs: 3 * config.stopTimeoutMs + 2_000, unlock });
    const running = await started(app.start(), config);
    reloadOnSignal({
      read: () => usableConfig(profile, line),
      reload: (wanted) => running.reload(wanted),
    });
    announce(profile, line.json, {
      ...running,
      apiKey: keys.apiKey,
      dataDir: needsFolder ? dataDir : null,
    });
  } catch (error) {
    unlock();
    throw error;
  }
}

/** @throws ConfigError that names all that is wrong, also with files that it names. */
function usableConfig(profile: Profile, line: CommandLine): Config {
  const reading = readSettings(profile, sourcesOf(line));
  const problems = [...reading.problems, ...fileProblems(reading)];
  if (problems.length > 0) throw new ConfigError(problems);
  return reading.config;
}

/**
 * The same program in the place of this one: nothing that it remembers holds any more. Where a process
 * cannot do that, whoever watches over it starts it again.
 */
function beginAnew(): void {
  const { execPath, execArgv, argv, env } = process;
  process.execve?.(execPath, [execPath, ...execArgv, ...argv.slice(1)], env);
  process.exit(RESTART);
}

/** An error with what led to it: “disk full” is what its reader has to know. */
function reasonsOf(error: Error): string {
  return error.cause instanceof Error ? `${error}: ${reasonsOf(error.cause)}` : String(error);
}

async function started(starting: Promise<RunningApp>, config: Config): Promise<RunningApp> {
  try {
    return await starting;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    const place = `port ${config.port} on ${config.host}`;
    if (error.code === 'EADDRINUSE') {
      throw new StartError(`${place} is in use; choose another with --port (0 takes a free one)`);
    }
    if (error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
      throw new StartError(`cannot listen on ${place}: ${error.message}`);
    }
    throw error;
  }
}

/** The server cannot run where it was told to. */
class StartError extends Error {
  readonly code = 'cannot_start';
  override readonly name = 'StartError';
}

function devKeys(dataDir: string, config: Config): AppKeys {
  // So that nobody commits the keys with the project they develop.
  writeFileSync(join(dataDir, '.gitignore'), '*\n');
  return loadDevKeys(dataDir, {
    ...(config.apiKey !== null && { apiKey: config.apiKey }),
    ...(config.masterKey !== null && { masterKey: config.masterKey }),
    ...(config.signingSecret !== null && { signingSecret: config.signingSecret }),
  });
}

function givenKeys(config: Config): AppKeys {
  const { apiKey, masterKey, signingSecret } = config;
  if (apiKey !== null && masterKey !== null) return { apiKey, masterKey, signingSecret };
  throw new ConfigError([
    { where: 'start', message: 'has no keys', expected: '--api-key and --master-key' },
  ]);
}

function announce(
  profile: Profile,
  json: boolean,
  facts: RunningApp & { readonly apiKey: string; readonly dataDir: string | null },
): void {
  process.stdout.on('error', () => {
    // Whoever started us does not read any more; the server goes on.
  });
  const isDev = profile === 'dev';
  process.stdout.write(json ? readyLine(isDev, facts) : greeting(isDev, facts));
}
