import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import {
  exactFidelity,
  type Fidelity,
  fidelityOf,
  type KeyFigures,
  keyFigures,
} from '../simulate/compare.ts';
import { readLimits } from '../simulate/read-limits.ts';
import { exactReplay } from '../simulate/exact-replay.ts';
import { type Recording, readRecordings } from '../simulate/read-recording.ts';
import { replay, type Replay } from '../simulate/replay.ts';
import type { ReplayedStart } from '../simulate/replay-executor.ts';

interface SimulateLine {
  readonly recording: string;
  readonly config: string | null;
  readonly json: boolean;
}

interface Simulation {
  readonly fidelity: Fidelity;
  readonly before: readonly KeyFigures[];
  /** Null: no other limits were given. */
  readonly after: readonly KeyFigures[] | null;
  readonly assumptions: readonly string[];
}

/**
 * `ezthrottle simulate`: replays a recording in virtual time, and then once more under other limits.
 *
 * @throws ConfigError for what is wrong with arguments or limits; RecordingError for the recording.
 */
export async function runSimulate(argv: readonly string[]): Promise<void> {
  const line = readLine(argv);
  const limits = line.config === null ? null : readLimits(line.config);
  const runs = await readRecordings(line.recording);
  const recording = runs.at(-1);
  if (recording === undefined) throw new Error('a recording has a run at least');
  const unchanged = await replayRuns(runs);
  const before = unchanged === null ? await replay(recording, new Map()) : null;
  const starts = before?.starts ?? unchanged?.starts ?? [];
  const after = limits === null ? null : await replay(recording, limits);
  const simulation: Simulation = {
    fidelity: unchanged?.fidelity ?? fidelityOf(recording, starts),
    before: keyFigures(recording, starts),
    after: after === null ? null : keyFigures(recording, after.starts),
    assumptions: [
      ...missingOf(recording),
      ...(unchanged?.diverged ?? []),
      ...assumptionsOf(recording, after ?? before),
    ],
  };
  process.stdout.write(line.json ? `${JSON.stringify(simulation)}\n` : textOf(simulation));
}

/** All runs as they were; null: one of them cannot be replayed to the very moment. */
async function replayRuns(runs: readonly Recording[]): Promise<{
  /** Over all of them. */
  readonly fidelity: Fidelity;
  /** Of the last. */
  readonly starts: readonly ReplayedStart[];
  readonly diverged: readonly string[];
} | null> {
  let [recorded, same, largest] = [0, 0, 0];
  let starts: readonly ReplayedStart[] = [];
  const diverged: string[] = [];
  for (const [index, run] of runs.entries()) {
    const one = await exactReplay(run);
    if (one === null) return null;
    const fidelity = exactFidelity(run, one.starts);
    recorded += fidelity.recorded;
    same += fidelity.same;
    largest = Math.max(largest, fidelity.largest);
    starts = one.starts;
    if (one.diverged === null) continue;
    const { turn, message } = one.diverged;
    diverged.push(
      `run ${index + 1} cannot be replayed further than its line ${turn}: ${message}; was it recorded by another version?`,
    );
  }
  return { fidelity: { recorded, same, largest, isExact: true }, starts, diverged };
}

/** What a recording lacks. */
function missingOf({ isFull, isTorn, isClosed, startsBeyond }: Recording): readonly string[] {
  return [
    ...(isFull ? ['the recording ended at the bound of its file: what came later is missing'] : []),
    ...(isTorn ? ['the last line of the recording is not whole: it was left out'] : []),
    ...(isFull || isClosed
      ? []
      : ['the server did not say that it stopped: what came last may be missing']),
    ...(startsBeyond > 0
      ? [`${startsBeyond} calls were started in a turn that is not whole: they are not replayed`]
      : []),
  ];
}

function readLine(argv: readonly string[]): SimulateLine {
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options: {
      recording: { type: 'string' },
      config: { type: 'string' },
      json: { type: 'boolean' },
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const known = ['recording', 'config', 'json'];
  const problems = tokens.flatMap((token) =>
    token.kind === 'option' && !known.includes(token.name)
      ? [
          {
            where: token.rawName,
            message: 'is not a flag of simulate',
            expected: known.map((name) => `--${name}`).join(', '),
          },
        ]
      : [],
  );
  for (const word of positionals) {
    problems.push({
      where: JSON.stringify(word),
      message: 'is not understood',
      expected: 'flags only',
    });
  }
  const { recording, config, json } = values;
  if (typeof recording !== 'string') {
    problems.push({
      where: '--recording',
      message: 'is missing',
      expected: '--recording <file>, written by a server with the same flag',
    });
  }
  if (problems.length > 0 || typeof recording !== 'string') throw new ConfigError(problems);
  return { recording, config: typeof config === 'string' ? config : null, json: json === true };
}

/** @param replayed Null: nothing was assumed, all was replayed as it was. */
function assumptionsOf(
  { header, earlierRuns }: Recording,
  replayed: Replay | null,
): readonly string[] {
  if (replayed === null) return [];
  const { assumed, leftOut, unfinished } = replayed;
  return [
    'jobs come when they came, whatever the limits are',
    'each attempt of a job ends as it did and takes as long as it did, whenever it is sent',
    'timers go off at their moment, and writing takes no time',
    ...(assumed > 0
      ? [
          `${assumed} calls are not in the recording: they end with 200 after the usual time of their origin`,
        ]
      : []),
    ...(leftOut > 0
      ? [`${leftOut} recorded changes of limits are left out for those that were given`]
      : []),
    ...(unfinished > 0 ? [`${unfinished} jobs had not ended a week after the recording`] : []),
    ...(header.backlog > 0
      ? [`${header.backlog} jobs that were there before the recording are left out`]
      : []),
    ...(earlierRuns > 0 ? [`${earlierRuns} earlier runs in the file are left out`] : []),
    ...(header.liveRegions === 'any' || header.liveRegions.length < 2
      ? []
      : ['all regions are up']),
  ];
}

function textOf({ fidelity, before, after, assumptions }: Simulation): string {
  const { recorded, same, largest, isExact } = fidelity;
  const isSame = isExact
    ? 'start at the very moment at which they did, in the same order'
    : 'start within a millisecond of when they did';
  const changed = new Map((after ?? []).map((figures) => [figures.key, figures]));
  const rows = before.map((one) => {
    const other = after === null ? null : (changed.get(one.key) ?? null);
    const pair = (of: (figures: KeyFigures) => string): string =>
      after === null ? of(one) : `${of(one)} > ${other === null ? '-' : of(other)}`;
    return [
      one.key,
      pair(({ jobs }) => String(jobs)),
      pair(({ waitP50 }) => seconds(waitP50)),
      pair(({ waitP99 }) => seconds(waitP99)),
      pair(({ perSecond }) => perSecond.toFixed(2)),
    ];
  });
  const table = [['key', 'jobs', 'wait p50', 'wait p99', 'jobs/s'], ...rows];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [
    `replayed as recorded: ${same} of ${recorded} calls ${isSame}${same === recorded ? '' : `; others up to ${largest.toFixed(1)} ms apart`}`,
    '',
    ...lines,
    '',
    ...(assumptions.length === 0
      ? []
      : ['assumed:', ...assumptions.map((assumption) => `  ${assumption}`), '']),
  ].join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
