import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A limit that holds for a while; the last one holds on. */
export interface TargetPhase {
  readonly perSecond: number;
  readonly forMs: number;
}

export interface TargetOrder {
  readonly answerAfterMs: number;
  /** Strict limits, one after the other; above them it answers 429. Default: none. */
  readonly phases?: readonly TargetPhase[];
  /** Whether each answer tells the limit in force, as `X-EZThrottle-Rps`. Default false. */
  readonly announces?: boolean;
}

export interface TargetArrival {
  /** Milliseconds since the epoch, with fractions, comparable between processes of one machine. */
  readonly at: number;
  readonly status: number;
  readonly path: string;
}

export type TargetWord =
  | { readonly type: 'listening'; readonly origin: string }
  | {
      readonly type: 'report';
      /** When its first phase began. */
      readonly begunAt: number;
      readonly arrivals: readonly TargetArrival[];
    };

type TargetReport = Extract<TargetWord, { type: 'report' }>;

/** A target in a process of its own. */
export interface TargetProcess extends AsyncDisposable {
  readonly origin: string;
  /** Its first phase begins now. */
  begin(): void;
  report(): Promise<TargetReport>;
}

export async function startTargetProcess(order: TargetOrder): Promise<TargetProcess> {
  const child = fork(fileURLToPath(new URL('./target-main.ts', import.meta.url)), [], {
    execArgv: [],
    env: { ...process.env, PROOF_INPUT: JSON.stringify(order) },
  });
  const next = async (): Promise<TargetWord> => {
    const [word]: TargetWord[] = await once(child, 'message');
    if (word === undefined) throw new Error('the target said nothing');
    return word;
  };
  const first = await next();
  if (first.type !== 'listening') throw new Error('the target did not start');
  return {
    origin: first.origin,
    begin: () => void child.send('begin'),
    async report() {
      child.send('report');
      const word = await next();
      if (word.type !== 'report') throw new Error('the target gave no report');
      return word;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** Milliseconds since the epoch on the clock of the targets' reports. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
