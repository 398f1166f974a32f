import { execFileSync } from 'node:child_process';

/** A moment in the life of a system call, in the order in which the tracer saw it. */
export interface TraceEvent {
  readonly thread: string;
  readonly call: string;
  /** What its first argument, a descriptor, stands for: a path, or `socket:[…]`. */
  readonly file: string;
  /** The bytes that it hands over; empty at the exit of a call that was interrupted by others. */
  readonly bytes: Buffer;
  readonly moment: 'entered' | 'left';
  /** Null when entered. */
  readonly result: number | null;
}

const CALLS = 'pwrite64,pwritev,fsync,fdatasync,write,writev,sendto,sendmsg';
const LONGEST_BYTES = 262_144;

/** Starts what comes behind it, and writes to a file what it and its threads write, flush and send. */
export function tracer(traceFile: string): readonly string[] {
  const shown = ['-y', '-xx', '-s', String(LONGEST_BYTES), '-o', traceFile];
  return ['strace', '-f', '--seccomp-bpf', ...shown, '-e', `trace=${CALLS}`];
}

/** Starts what comes behind it with system calls that are slow or fail, in strace's words. */
export function injector(injection: string, traceFile: string): readonly string[] {
  const [calls = ''] = injection.split(':');
  const shown = ['-s', '0', '-o', traceFile, '-e', `trace=${calls}`];
  return ['strace', '-f', '--seccomp-bpf', ...shown, '-e', `inject=${injection}`];
}

/** Why system calls cannot be traced here; null when they can. */
export function whyNoTrace(): string | null {
  if (process.platform !== 'linux')
    return 'system calls are traced by strace, which is on Linux only';
  try {
    const line = ['-f', '--seccomp-bpf', '-qq', '-e', 'trace=fsync', process.execPath, '--version'];
    execFileSync('strace', line, { stdio: 'pipe' });
    return null;
  } catch (error) {
    return `strace 5.3 or later is not there or may not trace (apt-get install strace; in a container: --cap-add SYS_PTRACE): ${String(error)}`;
  }
}

const ENTERED = /^(\d+) +(\w+)\(\d+<([^>]*)>(.*?)(?:<unfinished \.\.\.>|\) += (-?\d+)[^"]*)$/;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>.*\) += (-?\d+)[^"]*$/;

/** Reads what the tracer has written. */
export function* traceEvents(lines: Iterable<string>): Generator<TraceEvent> {
  const open = new Map<string, TraceEvent>();
  for (const line of lines) {
    const [, thread = '', call = '', file = '', rest = '', result] = ENTERED.exec(line) ?? [];
    if (thread !== '') {
      const entered: TraceEvent = {
        thread,
        call,
        file: unescaped(file).toString(),
        bytes: Buffer.concat(
          [...rest.matchAll(/"((?:\\x[\da-f]{2})*)"/g)].map(([, text = '']) => unescaped(text)),
        ),
        moment: 'entered',
        result: null,
      };
      yield entered;
      if (result === undefined) open.set(thread, entered);
      else yield { ...entered, moment: 'left', result: Number(result) };
      continue;
    }
    const [, resumed = '', , late] = RESUMED.exec(line) ?? [];
    const entered = open.get(resumed);
    if (entered === undefined) continue;
    open.delete(resumed);
    yield { ...entered, moment: 'left', result: Number(late) };
  }
}

/** Bytes that are all written as `\x2f`. */
function unescaped(text: string): Buffer {
  return Buffer.from(text.replaceAll(String.raw`\x`, ''), 'hex');
}
