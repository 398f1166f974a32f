import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  parseRecordedLine,
  type RecordedCancel,
  type RecordedLimit,
  type RecordedStart,
  type RecordedSubmit,
  type RecordedWeight,
  type RecordingHeader,
} from '../recording/recorded-line.ts';
import type { PutPaceOperation } from '@ezthrottle/engine';
import type { RecordedCall } from './replay-executor.ts';

/** What came into the engine at a moment. */
export type RecordedInput = RecordedSubmit | RecordedCancel | RecordedLimit | RecordedWeight;

/** One run of a server, as it was recorded. */
export interface Recording {
  readonly header: RecordingHeader;
  readonly taught: PutPaceOperation['rows'];
  /** In the order in which they came. */
  readonly inputs: readonly RecordedInput[];
  readonly starts: readonly RecordedStart[];
  /** By `callName`. */
  readonly calls: ReadonlyMap<string, RecordedCall>;
  /** Where it ends, in milliseconds from its begin. */
  readonly endsAt: number;
  /** Whether it ended at the bound of its file. */
  readonly isFull: boolean;
  /** Earlier runs of the server in the same file. */
  readonly earlierRuns: number;
}

/** The file is no recording. */
class RecordingError extends Error {
  readonly code = 'recording_unreadable';
  override readonly name = 'RecordingError';
}

export function callName(job: string, attempt: number): string {
  return `${job} ${attempt}`;
}

/**
 * The last run in a recording.
 *
 * @throws RecordingError that names the line which cannot be read.
 */
export async function readRecording(file: string): Promise<Recording> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  let run: Run | null = null;
  let runs = 0;
  let number = 0;
  let broken: number | null = null;
  for await (const text of lines) {
    number += 1;
    const line = parseRecordedLine(text);
    if (line === null) {
      broken ??= number;
      continue;
    }
    // The last line of a server that was killed may be half.
    if (broken !== null && line.type !== 'recording') throw unreadable(file, broken);
    broken = null;
    if (line.type === 'recording') {
      runs += 1;
      run = emptyRun(line);
    } else if (run === null) {
      throw unreadable(file, number);
    } else {
      take(run, line);
    }
  }
  if (run === null) throw unreadable(file, broken ?? 1);
  run.inputs.sort((first, second) => first.t - second.t || first.n - second.n);
  return { ...run, earlierRuns: runs - 1 };
}

interface Run {
  readonly header: RecordingHeader;
  readonly taught: PutPaceOperation['rows'][number][];
  readonly inputs: RecordedInput[];
  readonly starts: RecordedStart[];
  readonly startedAt: Map<string, number>;
  readonly calls: Map<string, RecordedCall>;
  endsAt: number;
  isFull: boolean;
}

function emptyRun(header: RecordingHeader): Run {
  return {
    header,
    taught: [],
    inputs: [],
    starts: [],
    startedAt: new Map(),
    calls: new Map(),
    endsAt: 0,
    isFull: false,
  };
}

function take(run: Run, line: Exclude<ReturnType<typeof parseRecordedLine>, null>): void {
  if ('t' in line) run.endsAt = Math.max(run.endsAt, line.t);
  switch (line.type) {
    case 'submit':
    case 'cancel':
    case 'limit':
    case 'weight':
      run.inputs.push(line);
      return;
    case 'start':
      run.starts.push(line);
      run.startedAt.set(callName(line.job, line.attempt), line.t);
      return;
    case 'end': {
      const name = callName(line.job, line.attempt);
      const startedAt = run.startedAt.get(name);
      if (startedAt === undefined) return;
      run.startedAt.delete(name);
      const { t, sent, outcome } = line;
      const sentMs = sent === null ? null : sent - startedAt;
      run.calls.set(name, { sentMs, tookMs: t - startedAt, outcome });
      return;
    }
    case 'taught':
      run.taught.push(...line.rows);
      return;
    case 'full':
      run.isFull = true;
      return;
    case 'recording':
  }
}

function unreadable(file: string, line: number): RecordingError {
  return new RecordingError(`${file}:${line} is no line of a recording`);
}
