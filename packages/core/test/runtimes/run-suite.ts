import { answerHook, runSuite, type Verdict } from './suite.ts';

/** What the process was started with, as JSON in its first argument. */
export interface Task {
  readonly serverUrl: string;
  readonly environment: 'readable' | 'unreadable';
}

export interface RuntimeReport {
  /** What the runtime says that it is. */
  readonly version: string;
  readonly verdicts: readonly Verdict[];
}

/** Listens on a free port of loopback, with the runtime's own server; gives the port. */
export type Listen = (answer: (request: Request) => Promise<Response>) => Promise<number> | number;

/** Runs the suite beside a server of this runtime, and prints the report as the last line. */
export async function reportSuite(version: string, listen: Listen): Promise<void> {
  const task: Task = JSON.parse(process.argv[2] ?? '');
  const port = await listen((request) => answerHook(request, task.serverUrl));
  const hookUrl = `http://127.0.0.1:${port}/hook`;
  const report: RuntimeReport = { version, verdicts: await runSuite({ ...task, hookUrl }) };
  console.log(JSON.stringify(report));
}
