import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { type Fidelity, fidelityOf, type KeyFigures, keyFigures } from '../simulate/compare.ts';
import { readLimits } from '../simulate/read-limits.ts';
import { type Recording, readRecording } from '../simulate/read-recording.ts';
import { replay, type Replay } from '../simulate/replay.ts';

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
  const recording = await readRecording(line.recording);
  const before = await replay(recording, new Map());
  const after = limits === null ? null : await replay(recording, limits);
  const simulation: Simulation = {
    fidelity: fidelityOf(recording, before.starts),
    before: keyFigures(recording, before.starts),
    after: after === null ? null : keyFigures(recording, after.starts),
    assumptions: assumptionsOf(recording, before, after),
  };
  process.stdout.write(line.json ? `${JSON.stringify(simulation)}\n` : textOf(simulation));
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

function assumptionsOf(
  { header, isFull, earlierRuns }: Recording,
  before: Replay,
  after: Replay | null,
): readonly string[] {
  const changed = after ?? before;
  return [
    'jobs come when they came, whatever the limits are',
    'each attempt of a job ends as it did and takes as long as it did, whenever it is sent',
    ...(changed.assumed > 0
      ? [
          `${changed.assumed} calls are not in the recording: they end with 200 after the usual time of their origin`,
        ]
      : []),
    ...(changed.leftOut > 0
      ? [`${changed.leftOut} recorded changes of limits are left out for those that were given`]
      : []),
    ...(changed.unfinished > 0
      ? [`${changed.unfinished} jobs had not ended a week after the recording`]
      : []),
    ...(header.backlog > 0
      ? [`${header.backlog} jobs that were there before the recording are left out`]
      : []),
    ...(isFull ? ['the recording ended at the bound of its file'] : []),
    ...(earlierRuns > 0 ? [`${earlierRuns} earlier runs in the file are left out`] : []),
    ...(header.liveRegions === 'any' || header.liveRegions.length < 2
      ? []
      : ['all regions are up']),
  ];
}

function textOf({ fidelity, before, after, assumptions }: Simulation): string {
  const { recorded, same, largest } = fidelity;
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
    `replayed as recorded: ${same} of ${recorded} calls start within a millisecond of when they did, the others at most ${largest.toFixed(1)} ms apart`,
    '',
    ...lines,
    '',
    'assumed:',
    ...assumptions.map((assumption) => `  ${assumption}`),
    '',
  ].join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
