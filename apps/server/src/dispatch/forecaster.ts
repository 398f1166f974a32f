import { Forecast, FORECAST_HORIZON_MS, lineId, lineRef, parseLineName } from '@ezthrottle/engine';
import type {
  Clock,
  FairLineOptions,
  ForecastCall,
  ForecastJoin,
  ForecastLane,
  ForecastStart,
  Id,
  JobReads,
  JobSpec,
  KeyPacer,
  LineEntry,
  LineRef,
  WorkReads,
  WorkRow,
} from '@ezthrottle/engine';
import type { ActiveJobs } from './active-jobs.ts';
import type { RunningCalls } from './calls.ts';
import type { Destinations } from './destinations.ts';
import { fullName, type Lane } from './lane.ts';
import type { LimitedCalls } from './limited-calls.ts';

/** A call whose start is to be foretold. */
export interface ForecastQuestion {
  readonly organization: Id;
  readonly jobId: Id;
  readonly leg: number;
  /** Name of its line. */
  readonly line: string;
  readonly apiKey: Id;
  readonly userId: string;
  readonly rank: number;
  /** When it comes into line, in milliseconds since the epoch. */
  readonly readyAt: number;
}

/** One of the keys that the call counts against, as it stands now. */
export interface ForecastKey {
  /** Of a limit; null: its destination. */
  readonly name: string | null;
  /** Whether it is the operator's, over all organizations. */
  readonly isOperators: boolean;
  readonly pacer: KeyPacer;
  /** What the call takes from it. */
  readonly cost: number;
  /** What the calls before it take from it. */
  readonly ahead: number;
}

export interface ForecastAnswer {
  /** On the monotonic clock, at which the answer holds. */
  readonly now: number;
  readonly keys: readonly ForecastKey[];
  /** Calls that go before it and count against one of its keys, in their order. Whose others' are is not told. */
  readonly ahead: readonly ForecastStart[];
  /** On the monotonic clock; null: not within what was looked at. */
  readonly startsAt: number | null;
  /** Whether all who wait were looked at. */
  readonly isWhole: boolean;
}

export interface ForecasterOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly work: Pick<WorkReads, 'ready' | 'due'>;
  readonly jobs: Pick<JobReads, 'live'>;
  readonly destinations: Destinations;
  readonly active: ActiveJobs;
  readonly calls: RunningCalls;
  readonly fairness: FairLineOptions;
  readonly limited: Pick<LimitedCalls, 'fork'>;
}

/** Lines that are looked at together, and calls that wait in them. */
const MOST_LANES = 256;
const MOST_WAITING = 50_000;
/** Calls that come into line later, of those known already, over all lines. */
const MOST_DELAYED = 2_000;
/** Jobs of which the costs are looked up; others take what those take on average. */
const MOST_COSTS = 2_000;
const ROWS_AT_ONCE = 1_000;
/** Calls that are foretold in one go: others have their turn in between. */
const STARTS_AT_ONCE = 1_000;

/** Foretells when calls start: the rules that send them, run ahead on a copy of what is in memory. */
export class Forecaster {
  readonly #options: ForecasterOptions;

  constructor(options: ForecasterOptions) {
    this.#options = options;
  }

  async ask(question: ForecastQuestion): Promise<ForecastAnswer> {
    const { clock, destinations, fairness } = this.#options;
    const delayed = await this.#delayed();
    const asked = destinations.lane(question.organization, question.line);
    for (const line of linesBeside(asked, delayed)) {
      destinations.lane(question.organization, line);
    }
    const { lanes, isWhole: hasAllLanes } = lanesBeside(asked);
    const { rows, isWhole: hasAllRows } = await this.#backlog(lanes);
    const byName = new Map(lanes.map((lane) => [fullName(lane), lane]));
    const later = delayed.filter((row) => byName.has(fullLine(row)));
    const specs = await this.#specs(lanes, rows, [
      question.jobId,
      ...later.map(({ jobId }) => jobId),
    ]);
    // From here on nothing is waited for: what is copied belongs together.
    const [now, wallNow] = [clock.monotonic(), clock.now()];
    const pacers = forkPacers(lanes);
    const costs = costsOf(specs);
    const id = lineId(question.jobId, question.leg);
    const lines = lanes.map((lane) => this.#lane(lane, rows.get(lane) ?? []));
    const isInLine = lines.some((line) => isIn(line, id));
    const { apiKey, userId, rank } = question;
    const at = Math.max(now, now + question.readyAt - wallNow);
    const forecast = new Forecast({
      now,
      wallNow,
      pacers,
      lanes: lines,
      running: this.#running(pacers, now),
      joins: [
        ...(isInLine ? [] : [{ at, lane: fullName(asked), entry: { id, apiKey, userId, rank } }]),
        ...joinsOf(later, lines, id, now - wallNow - 1),
      ],
      costOf: (call, key) => costs(jobOf(call), key),
      priorityOf: (call) => specs.get(jobOf(call))?.priority ?? 0,
      fairness,
      contending: this.#options.limited,
    });
    const keys = keysOf(asked).map((key) => ({
      ...key,
      cost: costs(question.jobId, key.pacer.key),
    }));
    const held = keys.map((key) => ({ ...key, pacer: key.pacer.fork() }));
    while (!forecast.run(id, STARTS_AT_ONCE)) await breath();
    const last = forecast.starts.at(-1);
    const isFound = last?.id === id;
    const rivals = new Map(lanes.map((lane) => [fullName(lane), sharedKeys(lane, asked)]));
    const ahead = forecast.starts.filter(
      (start) => start.id !== id && (rivals.get(start.lane)?.size ?? 0) > 0,
    );
    const others = new Set(lanes.filter((lane) => !isOf(lane, question)).map(fullName));
    return {
      now,
      keys: held.map((key) => ({
        ...key,
        ahead: ahead.reduce(
          (sum, { id: call, lane }) =>
            rivals.get(lane)?.has(key.pacer.key) === true
              ? sum + (key.name === null ? 1 : costs(jobOf(call), key.pacer.key))
              : sum,
          0,
        ),
      })),
      ahead: ahead.map((start) =>
        others.has(start.lane) ? { ...start, apiKey: '', userId: '' } : start,
      ),
      startsAt: isFound && last !== undefined ? last.at : null,
      isWhole: hasAllLanes && hasAllRows && !isBeyond(delayed, forecast.now + wallNow - now),
    };
  }

  /** What is to come into line at a moment that is known, the next one first. */
  #delayed(): Promise<readonly WorkRow[]> {
    const { work, clock } = this.#options;
    return work.due(clock.now() + FORECAST_HORIZON_MS, MOST_DELAYED);
  }

  #lane(lane: Lane, rows: readonly LineRef[]): ForecastLane {
    const { active } = this.#options;
    const line = lane.line.fork();
    const armed = lane.armed.fork(({ jobId, leg }, apiKey): LineEntry => {
      const userId = active.get(jobId)?.spec.userId ?? '';
      return { id: lineId(jobId, leg), apiKey, userId, rank: 0 };
    });
    for (const { ref } of lane.door) line.push(ref);
    const isArmed = new Set([...armed].map(({ id }) => id));
    for (const row of rows) if (!isArmed.has(row.id)) line.push(row);
    return {
      name: fullName(lane),
      keys: keysOf(lane).map(({ pacer }) => pacer.key),
      armed,
      newcomers: lane.newcomers,
      line,
    };
  }

  /** Calls under way that hold a slot of one of these keys. */
  #running(pacers: ReadonlyMap<string, KeyPacer>, now: number): readonly ForecastCall[] {
    return [...this.#options.calls.values()].flatMap(({ uses, lane }) => {
      const forked = uses.flatMap((use) => {
        const pacer = pacers.get(use.pacer.key);
        return pacer === undefined ? [] : [{ ...use, pacer, booking: null, source: null }];
      });
      const [first] = uses;
      if (first === undefined || forked.length === 0) return [];
      const sentAt = first.sentAt ?? now;
      const endsAt = sentAt + (first.pacer.callMs ?? 0);
      return [{ uses: forked, lane: fullName(lane), endsAt }];
    });
  }

  /** What waits in the store alone. */
  async #backlog(
    lanes: readonly Lane[],
  ): Promise<{ readonly rows: ReadonlyMap<Lane, readonly LineRef[]>; readonly isWhole: boolean }> {
    const { work } = this.#options;
    const rows = new Map<Lane, LineRef[]>();
    let room = MOST_WAITING - lanes.reduce((sum, { line }) => sum + line.size, 0);
    for (const lane of lanes) {
      const read: LineRef[] = [];
      rows.set(lane, read);
      const { organization } = lane.destination;
      for (const { account, after } of lane.line.missing()) {
        for (let from = after; ; ) {
          if (room <= 0) return { rows, isWhole: false };
          const place = { organization, origin: lane.name, ...account };
          const page = await work.ready(place, from, ROWS_AT_ONCE);
          read.push(...page.map(lineRef));
          room -= page.length;
          from = page.at(-1) ?? from;
          if (page.length < ROWS_AT_ONCE) break;
        }
      }
    }
    return { rows, isWhole: true };
  }

  /** What is known of jobs whose calls cost something beside their turn. */
  async #specs(
    lanes: readonly Lane[],
    rows: ReadonlyMap<Lane, readonly LineRef[]>,
    besides: readonly Id[],
  ): Promise<ReadonlyMap<Id, JobSpec>> {
    const { active, jobs } = this.#options;
    const wanted = new Set<Id>(besides);
    for (const lane of lanes) {
      // Lines without limits take turns with those that have some by priority as well.
      if (lanes.every(({ limits }) => limits.length === 0)) continue;
      for (const refs of [lane.armed, lane.line.entries(), rows.get(lane) ?? []]) {
        for (const { jobId } of refs) if (wanted.size < MOST_COSTS) wanted.add(jobId);
      }
    }
    const specs = new Map<Id, JobSpec>();
    const unknown: Id[] = [];
    for (const id of wanted) {
      const job = active.get(id);
      if (job === undefined) unknown.push(id);
      else specs.set(id, job.spec);
    }
    for (let start = 0; start < unknown.length; start += ROWS_AT_ONCE) {
      const found = await jobs.live(unknown.slice(start, start + ROWS_AT_ONCE));
      for (const { id, spec } of found) specs.set(id, spec);
    }
    return specs;
  }
}

/** This line and all that share a key with it, directly or by others. */
function lanesBeside(asked: Lane): { readonly lanes: readonly Lane[]; readonly isWhole: boolean } {
  const found = new Set([asked]);
  for (const { destination, limits } of found) {
    for (const others of [destination.lanes.values(), ...limits.map(({ lanes }) => lanes)]) {
      for (const lane of others) {
        if (found.size >= MOST_LANES && !found.has(lane))
          return { lanes: [...found], isWhole: false };
        found.add(lane);
      }
    }
  }
  return { lanes: [...found], isWhole: true };
}

/** Lines in which nobody may stand yet, and that share a key with this one, directly or by others. */
function linesBeside(asked: Lane, delayed: readonly WorkRow[]): readonly string[] {
  const { organization } = asked.destination;
  const known = new Set(
    lanesBeside(asked).lanes.flatMap(({ destination, limits }) => [
      destination.origin,
      ...limits.map(({ name }) => name),
    ]),
  );
  const open = new Map<string, readonly string[]>();
  for (const row of delayed) {
    if (row.organization !== organization || open.has(row.origin)) continue;
    const { origin, limits } = parseLineName(row.origin);
    open.set(row.origin, [origin, ...limits]);
  }
  const found: string[] = [];
  for (let before = -1; before < found.length && found.length < MOST_LANES; ) {
    before = found.length;
    for (const [line, keys] of open) {
      if (!keys.some((key) => known.has(key))) continue;
      for (const key of keys) known.add(key);
      open.delete(line);
      found.push(line);
    }
  }
  return found;
}

function joinsOf(
  rows: readonly WorkRow[],
  lines: readonly ForecastLane[],
  asked: string,
  /** The wall clock counts whole milliseconds: a moment that it names may be so much nearer. */
  toMonotonic: number,
): readonly ForecastJoin[] {
  return rows.flatMap((row) => {
    const entry = lineRef(row);
    // It may have come into line while the rest was read.
    if (entry.id === asked || lines.some((line) => isIn(line, entry.id))) return [];
    return [{ at: row.readyAt + toMonotonic, lane: fullLine(row), entry }];
  });
}

function isIn({ armed, line }: ForecastLane, id: string): boolean {
  return line.has(id) || [...armed].some((entry) => entry.id === id);
}

function fullLine({ organization, origin }: WorkRow): string {
  return fullName({ name: origin, destination: { organization } });
}

/** Whether more may come into line before this moment than was looked at. */
function isBeyond(delayed: readonly WorkRow[], at: number): boolean {
  return delayed.length >= MOST_DELAYED && (delayed.at(-1)?.readyAt ?? 0) < at;
}

function keysOf({
  destination,
  limits,
}: Lane): readonly Pick<ForecastKey, 'name' | 'pacer' | 'isOperators'>[] {
  const own = { name: null, pacer: destination.pacer, isOperators: false };
  return [
    own,
    ...limits.map(({ name, pacer, organization }) => ({
      name,
      pacer,
      isOperators: organization === '',
    })),
  ];
}

function isOf({ destination }: Lane, { organization }: ForecastQuestion): boolean {
  return destination.organization === organization;
}

function forkPacers(lanes: readonly Lane[]): ReadonlyMap<string, KeyPacer> {
  const pacers = new Map<string, KeyPacer>();
  for (const lane of lanes) {
    for (const { pacer } of keysOf(lane)) {
      if (!pacers.has(pacer.key)) pacers.set(pacer.key, pacer.fork());
    }
  }
  return pacers;
}

function sharedKeys(lane: Lane, asked: Lane): ReadonlySet<string> {
  const own = new Set(keysOf(asked).map(({ pacer }) => pacer.key));
  return new Set(keysOf(lane).flatMap(({ pacer }) => (own.has(pacer.key) ? [pacer.key] : [])));
}

/** What a call of a job takes from a key; of jobs that were not read, the average. */
function costsOf(specs: ReadonlyMap<Id, JobSpec>): (jobId: Id, key: string) => number {
  const byJob = new Map<Id, Map<string, number>>();
  const sums = new Map<string, { total: number; count: number }>();
  for (const [id, { paths }] of specs) {
    const costs = new Map<string, number>();
    for (const { key, cost } of paths[0].limits ?? []) {
      costs.set(key, cost);
      const sum = sums.get(key) ?? { total: 0, count: 0 };
      sums.set(key, { total: sum.total + cost, count: sum.count + 1 });
    }
    byJob.set(id, costs);
  }
  return (jobId, key) => {
    // A limit's key is `limit <organization> <name>`.
    const name = key.split(' ').slice(2).join(' ');
    const known = byJob.get(jobId)?.get(name);
    if (known !== undefined) return known;
    const sum = sums.get(name);
    return sum === undefined ? 1 : sum.total / sum.count;
  };
}

function jobOf(call: string): Id {
  return call.slice(0, call.lastIndexOf(':'));
}

function breath(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
