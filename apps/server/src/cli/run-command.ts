import { type CommandLine, readArguments } from './arguments.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';

/** Exit codes: told wrongly what to do; could not do it. */
const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Carries out one command line. Sets the exit code; `dev` and `start` go on until they are stopped. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  const [first, ...rest] = argv;
  if (first === 'dead') {
    await tryTo(async () => {
      const { runDead } = await import('./dead-command.ts');
      await runDead(rest);
    });
    return;
  }
  if (first === 'simulate') {
    await tryTo(async () => {
      const { runSimulate } = await import('./simulate-command.ts');
      await runSimulate(rest);
    });
    return;
  }
  if (first === 'export' || first === 'import') {
    await tryTo(async () => {
      const { runArchive } = await import('./archive-command.ts');
      await runArchive(first, rest);
    });
    return;
  }
  const read = readArguments(argv);
  if (!read.ok) {
    const problems = await allProblems(read.problems, read.line);
    complain(new ConfigError(problems));
    return;
  }
  await tryTo(() => carryOut(read.line));
}

/** What is wrong with the command line, and then with what else the command would have read. */
async function allProblems(
  ofLine: readonly ConfigProblem[],
  line: CommandLine | null,
): Promise<readonly ConfigProblem[]> {
  if (line === null || line.command === 'help' || line.command === 'version') return ofLine;
  const { problemsOfSettings } = await import('./config-sources.ts');
  const told = new Set(ofLine.map(({ where }) => where));
  const profile = line.command === 'dev' || line.word === 'dev' ? 'dev' : 'start';
  const others = problemsOfSettings(profile, line).filter(({ where }) => !told.has(where));
  return [...ofLine, ...others.filter(({ where }) => !isNeedless(line.command, where))];
}

/** Nobody is let in by these commands. */
function isNeedless(command: CommandLine['command'], where: string): boolean {
  if (where === '--api-key') return ['re-encrypt', 'migrate', 'doctor'].includes(command);
  return where === '--master-key' && ['migrate', 'doctor'].includes(command);
}

async function tryTo(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    complain(error);
  }
}

async function carryOut(line: CommandLine): Promise<void> {
  switch (line.command) {
    case 'help': {
      const { helpText } = await import('./help.ts');
      process.stdout.write(helpText());
      return;
    }
    case 'version': {
      const { VERSION } = await import('../version.ts');
      process.stdout.write(`${VERSION}\n`);
      return;
    }
    case 'config': {
      const { showConfig } = await import('./show-config.ts');
      showConfig(line.word === 'dev' ? 'dev' : 'start', line);
      return;
    }
    case 're-encrypt': {
      const { runReEncrypt } = await import('./re-encrypt-command.ts');
      await runReEncrypt(line);
      return;
    }
    case 'migrate': {
      const { runMigrate } = await import('./migrate-command.ts');
      await runMigrate(line);
      return;
    }
    case 'doctor': {
      const { runDoctor } = await import('./doctor-command.ts');
      await runDoctor(line);
      return;
    }
    case 'inbox': {
      const { runInbox } = await import('./inbox-command.ts');
      await runInbox(line);
      return;
    }
    case 'dev':
    case 'start': {
      const { runServer } = await import('./run-server.ts');
      await runServer(line.command, line);
    }
  }
}

/** Says on stderr what is wrong, without a stack where the words are enough. */
function complain(error: unknown): void {
  process.exitCode = error instanceof ConfigError ? EXIT.usage : EXIT.failed;
  if (error instanceof ConfigError) {
    process.stderr.write(
      `ezthrottle: cannot start\n${problemLines(error.problems)}See \`ezthrottle help\`.\n`,
    );
    return;
  }
  const isExpected = error instanceof Error && 'code' in error && typeof error.code === 'string';
  // Where several addresses of a host were tried, there is a code and no message.
  const text = isExpected
    ? error.message || String(error.code)
    : error instanceof Error
      ? error.stack
      : String(error);
  process.stderr.write(`ezthrottle: ${text}\n`);
}

/** Two lines for each. */
function problemLines(problems: readonly ConfigProblem[]): string {
  return problems
    .map(({ where, message, expected }) => `  ${where} ${message}\n    expected ${expected}\n`)
    .join('');
}
