import { Forecast, FORECAST_HORIZON_MS, lineId, lineRef } from '@ezthrottle/engine';
import type {
  Clock,
  FairLineOptions,
  ForecastCall,
  ForecastLane,
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
import { costsOf, jobOf } from './forecast-costs.ts';
import {
  forkPacers,
  fullLine,
  isBeyond,
  isIn,
  isOf,
  joinsOf,
  keysOf,
  lanesBeside,
  linesBeside,
  MOST_DELAYED,
  sharedKeys,
  standingOf,
} from './forecast-lines.ts';
import type { ForecastAnswer, ForecastKey, ForecastQuestion } from './forecast-question.ts';
import { fullName, type Lane, takesTurns } from './lane.ts';
import type { LimitedCalls } from './limited-calls.ts';

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

/** Calls that wait in the lines that are looked at together. */
const MOST_WAITING = 50_000;
/** Jobs of which the costs are looked up; others take what those take on average. */
const MOST_COSTS = 2_000;
const ROWS_AT_ONCE = 1_000;
/** Calls that are foretold in one go: others have their turn in between. */
const STARTS_AT_ONCE = 1_000;

/** What an answer is made of. */
interface Gathered {
  readonly asked: Lane;
  /** Its own line and all that share a key with it. */
  readonly lanes: readonly Lane[];
  /** Of each of them, what waits in the store alone. */
  readonly rows: ReadonlyMap<Lane, readonly LineRef[]>;
  /** What is to come into line, wherever; `later` of it in one of these lines. */
  readonly delayed: readonly WorkRow[];
  readonly later: readonly WorkRow[];
  readonly specs: ReadonlyMap<Id, JobSpec>;
  readonly isWhole: boolean;
}

/** Foretells when calls start: the rules that send them, run ahead on a copy of what is in memory. */
export class Forecaster {
  readonly #options: ForecasterOptions;

  constructor(options: ForecasterOptions) {
    this.#options = options;
  }

  async ask(question: ForecastQuestion): Promise<ForecastAnswer> {
    const known = await this.#gathered(question);
    // From here on nothing is waited for: what is copied belongs together.
    const { clock } = this.#options;
    const [now, wallNow] = [clock.monotonic(), clock.now()];
    const { asked, lanes, delayed } = known;
    const costs = costsOf(known.specs);
    const forecast = this.#forecast(question, known, costs, { now, wallNow });
    const keys = keysOf(asked).map(({ allotment, ...key }) => ({
      ...key,
      division: allotment?.division() ?? null,
      cost: costs(question.jobId, key.pacer.key),
      pacer: key.pacer.fork(),
    }));
    const id = lineId(question.jobId, question.leg);
    while (!forecast.run(id, STARTS_AT_ONCE)) await breath();
    const last = forecast.starts.at(-1);
    const rivals = new Map(lanes.map((lane) => [fullName(lane), sharedKeys(lane, asked)]));
    const ahead = forecast.starts.filter(
      (start) => start.id !== id && (rivals.get(start.lane)?.size ?? 0) > 0,
    );
    const taken = ({ name, pacer }: Pick<ForecastKey, 'name' | 'pacer'>): number =>
      ahead
        .filter(({ lane }) => rivals.get(lane)?.has(pacer.key) === true)
        .reduce((sum, call) => sum + (name === null ? 1 : costs(jobOf(call.id), pacer.key)), 0);
    const others = new Set(lanes.filter((lane) => !isOf(lane, question)).map(fullName));
    return {
      now,
      keys: keys.map((key) => ({ ...key, ahead: taken(key) })),
      ahead: ahead.map((start) =>
        others.has(start.lane) ? { ...start, apiKey: '', userId: '' } : start,
      ),
      standing: standingOf(asked, lanes, ahead),
      startsAt: last?.id === id ? last.at : null,
      isWhole: known.isWhole && !isBeyond(delayed, forecast.now + wallNow - now),
    };
  }

  /** All that has to be looked up for an answer. */
  async #gathered(question: ForecastQuestion): Promise<Gathered> {
    const { destinations } = this.#options;
    const delayed = await this.#delayed();
    const asked = destinations.lane(question.organization, question.line);
    for (const line of linesBeside(asked, delayed)) {
      destinations.lane(question.organization, line);
    }
    const { lanes, isWhole: hasAllLanes } = lanesBeside(asked);
    const { rows, isWhole: hasAllRows } = await this.#backlog(lanes);
    const names = new Set(lanes.map(fullName));
    const later = delayed.filter((row) => names.has(fullLine(row)));
    const specs = await this.#specs(lanes, rows, [
      question.jobId,
      ...later.map(({ jobId }) => jobId),
    ]);
    return { asked, lanes, rows, delayed, later, specs, isWhole: hasAllLanes && hasAllRows };
  }

  /** What is in memory at this moment, as a copy that can be run ahead. */
  #forecast(
    question: ForecastQuestion,
    { asked, lanes, rows, later, specs }: Gathered,
    costs: (jobId: Id, key: string) => number,
    { now, wallNow }: { readonly now: number; readonly wallNow: number },
  ): Forecast {
    const pacers = forkPacers(lanes);
    const id = lineId(question.jobId, question.leg);
    const lines = lanes.map((lane) => this.#lane(lane, rows.get(lane) ?? []));
    const isInLine = lines.some((line) => isIn(line, id));
    const { apiKey, userId, rank } = question;
    const at = Math.max(now, now + question.readyAt - wallNow);
    return new Forecast({
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
      fairness: this.#options.fairness,
      contending: this.#options.limited,
    });
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
      takesTurns: takesTurns(lane),
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
      // Who takes turns does so by priority as well, also where it costs nothing else.
      if (!lanes.some(takesTurns)) continue;
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

function breath(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
