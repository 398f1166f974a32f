import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  parseRecordedLine,
  type RecordedCancel,
  type RecordedOffer,
  type RecordedLimit,
  type RecordedStart,
  type RecordedSubmit,
  type RecordedWeight,
  type RecordingHeader,
} from '../recording/recorded-line.ts';
import type { RecordedTurn } from '../recording/recorded-turn.ts';
import type { Id, PutPaceOperation } from '@ezthrottle/engine';
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
  /** Whether its last line is not whole. */
  readonly isTorn: boolean;
  /** Whether the server said that it stopped. */
  readonly isClosed: boolean;
  /** Turns, and what was said of limits, in the order of their happening. */
  readonly log: readonly RecordedStep[];
  readonly offers: ReadonlyMap<Id, RecordedOffer>;
  /** Calls that were started after the last turn that is there: the end of the recording is missing. */
  readonly startsBeyond: number;
  /** Earlier runs of the server in the same file. */
  readonly earlierRuns: number;
}

/** What an exact replay does again. */
export type RecordedStep = RecordedTurn | RecordedLimit | RecordedWeight;

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
  const last = (await readRecordings(file)).at(-1);
  if (last === undefined) throw unreadable(file, 1);
  return last;
}

/**
 * All runs in a recording, each from a start of the server to its end.
 *
 * @throws RecordingError that names the line which cannot be read.
 */
export async function readRecordings(file: string): Promise<readonly Recording[]> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  let run: Run | null = null;
  const runs: Run[] = [];
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
    if (broken !== null && run !== null) run.isTorn = true;
    broken = null;
    if (line.type === 'recording') {
      run = emptyRun(line);
      runs.push(run);
    } else if (run === null) {
      throw unreadable(file, number);
    } else {
      take(run, line);
    }
  }
  if (run === null) throw unreadable(file, broken ?? 1);
  if (broken !== null) run.isTorn = true;
  return runs.map((one, earlierRuns) => {
    one.inputs.sort((first, second) => first.t - second.t || first.n - second.n);
    return { ...one, earlierRuns };
  });
}

interface Run {
  readonly header: RecordingHeader;
  readonly taught: PutPaceOperation['rows'][number][];
  readonly inputs: RecordedInput[];
  readonly starts: RecordedStart[];
  readonly startedAt: Map<string, number>;
  readonly calls: Map<string, RecordedCall>;
  readonly log: RecordedStep[];
  readonly offers: Map<Id, RecordedOffer>;
  startsBeyond: number;
  endsAt: number;
  isFull: boolean;
  isTorn: boolean;
  isClosed: boolean;
}

function emptyRun(header: RecordingHeader): Run {
  return {
    header,
    taught: [],
    inputs: [],
    starts: [],
    startedAt: new Map(),
    calls: new Map(),
    log: [],
    offers: new Map(),
    startsBeyond: 0,
    endsAt: 0,
    isFull: false,
    isTorn: false,
    isClosed: false,
  };
}

function take(run: Run, line: Exclude<ReturnType<typeof parseRecordedLine>, null>): void {
  if ('t' in line) run.endsAt = Math.max(run.endsAt, line.t);
  switch (line.type) {
    case 'submit':
    case 'cancel':
      run.inputs.push(line);
      return;
    case 'limit':
    case 'weight':
      run.inputs.push(line);
      run.log.push(line);
      return;
    case 'offer':
      run.offers.set(line.id, line);
      return;
    case 'taken': {
      const offer = run.offers.get(line.id);
      if (offer !== undefined) run.inputs.push({ ...offer, type: 'submit', n: line.n, t: line.t });
      return;
    }
    case 'turn':
      run.log.push(line);
      run.startsBeyond = 0;
      return;
    case 'closed':
      run.isClosed = true;
      return;
    case 'start':
      run.startsBeyond += 1;
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
