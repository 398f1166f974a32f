// The whole check behind `npm test`. `--only lint,unit` runs some steps (and what they need).

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Step = {
  name: string;
  /** Commands, one after the other; the first that fails ends the step. */
  commands: () => string[][];
  /** Steps whose result this one uses: it does not run when one of them failed. */
  needs?: string[];
  /** Runs last and alone: nothing else may take its share of the machine. */
  alone?: boolean;
  /** The vitest project, when the step is one: its tests are counted one by one. */
  project?: string;
};

type Result = {
  step: Step;
  ok: boolean;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  output: string;
  note: string;
  /** The tests that failed, each with its file and the first lines of why. */
  failures: string[];
};

type TestReport = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
};

const root = join(import.meta.dirname, '..');
/** Of this run alone, so that two runs do not read each other's reports. */
const work = mkdtempSync(join(tmpdir(), 'ezthrottle-check-'));
const concurrency = 2;

function publishedPackages(): string[] {
  const folders = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`);
  return [...folders, 'apps/server'].filter((folder) => {
    const manifest = join(root, folder, 'package.json');
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).private !== true;
  });
}

function vitest(project: string): Step {
  const report = join(work, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  return {
    name: project,
    project,
    commands: () => [['vitest', 'run', '--project', project, '--passWithNoTests', ...reporters]],
  };
}

/** What a user would download: packed as for the registry, then looked at from outside. */
function packageCheck(folder: string): Step {
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const tarball = join(work, `${name}.tgz`);
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  // The server is a command: it has no entry whose types a user could import.
  const typed = Object.keys(manifest.exports).some((entry) => entry !== './package.json');
  return {
    name: `package ${name}`,
    needs: ['build'],
    commands: () => [
      ['pnpm', '--dir', folder, 'pack', '--out', tarball],
      ['publint', 'run', '--strict', tarball],
      ...(typed ? [['attw', '--profile', 'esm-only', '--no-emoji', tarball]] : []),
    ],
  };
}

const steps: Step[] = [
  { name: 'build', commands: () => [['pnpm', 'run', '--silent', 'build']] },
  { name: 'format', commands: () => [['pnpm', 'run', '--silent', 'format:check']] },
  { name: 'lint', commands: () => [['pnpm', 'run', '--silent', 'lint']] },
  { name: 'typecheck', commands: () => [['pnpm', 'run', '--silent', 'typecheck']] },
  { name: 'duplication', commands: () => [['pnpm', 'run', '--silent', 'duplication']] },
  { name: 'unused', commands: () => [['pnpm', 'run', '--silent', 'knip']] },
  ...publishedPackages().map(packageCheck),
  { name: 'size', needs: ['build'], commands: () => [['pnpm', 'run', '--silent', 'size']] },
  vitest('unit'),
  { ...vitest('integration'), alone: true },
  { ...vitest('postgres'), alone: true },
];

const running = new Set<ReturnType<typeof spawn>>();

function runCommand(command: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1', CI: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    const keep = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => {
      running.delete(child);
      resolve({ code: 127, output: `${output}${error.message}\n` });
    });
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? 1, output });
    });
  });
}

const shownOfFailure = 6;

function failure(file: string, test: string, message: string): string {
  const own = message.split('\n').filter((line) => !line.includes('/node_modules/'));
  const why = own.slice(0, shownOfFailure).join('\n').replace(/^/gm, '    ');
  return `${file.replace(`${root}/`, '')} > ${test}\n${why}`;
}

/** Counts from vitest's own report. A file that did not load, or an error outside a test, counts as one failure. */
function countTests(
  project: string,
  exitCode: number,
): Pick<Result, 'passed' | 'failed' | 'skipped' | 'failures'> {
  const path = join(work, `${project}.json`);
  if (!existsSync(path)) {
    return { passed: 0, failed: exitCode === 0 ? 0 : 1, skipped: 0, failures: [] };
  }
  const counts: TestReport = JSON.parse(readFileSync(path, 'utf8'));
  const failures = counts.testResults.flatMap((file) => {
    const tests = file.assertionResults.filter((test) => test.status === 'failed');
    if (file.status === 'failed' && tests.length === 0) {
      return [failure(file.name, 'did not load', file.message)];
    }
    return tests.map((test) => failure(file.name, test.fullName, test.failureMessages.join('\n')));
  });
  return {
    passed: counts.numPassedTests,
    failed: failures.length === 0 && exitCode !== 0 ? 1 : failures.length,
    skipped: counts.numPendingTests + counts.numTodoTests,
    failures,
  };
}

/** What vitest says of failures and of errors outside of tests; not its list of all that passed. */
function failuresOf(output: string): string {
  const start = output.search(/^.*(Failed Suites|Failed Tests|Unhandled Errors).*$/m);
  return start === -1 ? output : output.slice(start);
}

async function runStep(step: Step): Promise<Result> {
  const start = performance.now();
  let output = '';
  let code = 0;
  for (const command of step.commands()) {
    const ended = await runCommand(command);
    output += `$ ${command.join(' ').replaceAll(`${root}/`, '')}\n${ended.output}`;
    code = ended.code;
    if (code !== 0) break;
  }
  const ok = code === 0;
  const counts =
    step.project === undefined
      ? { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, failures: [] }
      : countTests(step.project, code);
  const note =
    step.project === undefined
      ? ''
      : `${counts.passed} passed, ${counts.failed} failed` +
        (counts.skipped > 0 ? `, ${counts.skipped} skipped` : '');
  const seconds = (performance.now() - start) / 1000;
  return { step, ok: ok && counts.failed === 0, ...counts, seconds, output, note };
}

function notRun(step: Step, reason: string): Result {
  return {
    step,
    ok: false,
    passed: 0,
    failed: 1,
    skipped: 0,
    seconds: 0,
    output: '',
    note: reason,
    failures: [],
  };
}

function selectSteps(): Step[] {
  const args = process.argv.slice(2);
  if (args.length === 0) return steps;
  const value = args[0] === '--only' ? args[1] : args[0]?.match(/^--only=(.*)$/)?.[1];
  const known = [...new Set(steps.map((step) => step.name.split(' ')[0]))];
  const asked = (value ?? '').split(',').filter((name) => name !== '');
  if (asked.length === 0 || asked.some((name) => !known.includes(name))) {
    console.error(`usage: check [--only <step>,<step>]   steps: ${known.join(', ')}`);
    process.exit(2);
  }
  const chosen = steps.filter((step) => asked.includes(step.name.split(' ')[0] ?? ''));
  const needed = new Set(chosen.flatMap((step) => [step.name, ...(step.needs ?? [])]));
  return steps.filter((step) => needed.has(step.name));
}

function report(result: Result): void {
  const note = result.note === '' ? '' : `  (${result.note})`;
  console.log(
    `${result.ok ? 'ok  ' : 'FAIL'}  ${result.step.name}  ${result.seconds.toFixed(1)} s${note}`,
  );
  if (result.ok) return;
  // Their names come first: a long log is often cut off, and this is what one looks for in it.
  for (const each of result.failures) console.log(each.replace(/^/gm, '      '));
  const output = result.step.project === undefined ? result.output : failuresOf(result.output);
  if (output !== '') console.log(output.trimEnd().replace(/^/gm, '      '));
}

async function runAll(chosen: Step[]): Promise<Result[]> {
  const results = new Map<string, Result>();
  const waiting = [...chosen];
  let active = 0;

  const nextReady = (): Step | undefined => {
    const ready = waiting.find((step) => {
      const needsDone = (step.needs ?? []).every((name) => results.has(name));
      return needsDone && (!step.alone || (active === 0 && waiting.every((each) => each.alone)));
    });
    if (ready !== undefined) waiting.splice(waiting.indexOf(ready), 1);
    return ready;
  };

  const worker = async (): Promise<void> => {
    const step = nextReady();
    if (step === undefined) return;
    active += 1;
    const broken = step.needs?.find((name) => results.get(name)?.ok === false);
    const result =
      broken === undefined ? await runStep(step) : notRun(step, `not run: ${broken} failed`);
    active -= 1;
    results.set(step.name, result);
    report(result);
    // The end of one step may free several that waited for it.
    await Promise.all(Array.from({ length: concurrency - active }, worker));
  };

  await Promise.all(Array.from({ length: concurrency }, worker));
  return chosen.flatMap((step) => results.get(step.name) ?? []);
}

function printTable(results: Result[]): void {
  const width = Math.max(...results.map((result) => result.step.name.length));
  console.log(`\n${'step'.padEnd(width)}  result     time`);
  for (const result of results) {
    const time = `${result.seconds.toFixed(1)} s`.padStart(8);
    const verdict = result.ok ? 'ok  ' : 'FAIL';
    console.log(
      `${result.step.name.padEnd(width)}  ${verdict}   ${time}  ${result.note}`.trimEnd(),
    );
  }
  const failures = results.flatMap((result) => result.failures);
  if (failures.length > 0) console.log(`\n${failures.join('\n')}`);
  const sum = (of: (result: Result) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  console.log(
    `\n${sum((result) => result.passed)} passed, ${sum((result) => result.failed)} failed`,
  );
}

process.once('exit', () => rmSync(work, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

const chosen = selectSteps();
const results = await runAll(chosen);
printTable(results);
process.exitCode = results.every((result) => result.ok) ? 0 : 1;
