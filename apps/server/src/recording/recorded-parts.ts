import type {
  AttemptReport,
  Executor,
  Id,
  JobReads,
  LiveJob,
  Operation,
  Outcome,
  Verdict,
  WorkReads,
} from '@ezthrottle/engine';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { DispatcherParts } from '../dispatch/dispatch-ports.ts';
import type { RegionWatch } from '../regions/region-watch.ts';
import type { Journal } from './journal.ts';
import { recordedJob } from './recorded-spec.ts';

/** What is noted beside the turns. */
export interface PartsNotes {
  /** A limit of an organization is asked for. */
  limit(organization: Id, key: string): void;
  destination(organization: Id, origin: string): void;
  weight(apiKey: Id): void;
  /** An outcome as it is recorded. */
  outcomeOf(report: AttemptReport): Outcome;
  /** @param original The report as it came, of what is kept of it. */
  keptOutcome(report: AttemptReport, original: AttemptReport): Outcome;
}

interface Reads {
  readonly jobs: JobReads;
  readonly work: WorkReads;
}

/** The same parts, of which all that comes in goes through the journal. */
export function recordedParts(
  parts: DispatcherParts,
  journal: Journal,
  notes: PartsNotes,
): DispatcherParts {
  const { settings, edits, namedLimits, weightOf, regions, keptReport, liveRegions } = parts;
  const usualRegions = liveRegions();
  return {
    ...parts,
    clock: journal.clock,
    store: recordedReads(parts.store, journal),
    committer: { write: recordedWrites(parts.committer, journal) },
    executor: recordedExecutor(parts.executor, journal, notes),
    settings: (origin, organization) => {
      notes.destination(organization, origin);
      return settings(origin, organization);
    },
    ...(edits !== undefined && {
      edits: {
        pausedUntil: (organization, origin) => {
          notes.destination(organization, origin);
          return edits.pausedUntil(organization, origin);
        },
        onChanged: (listener) =>
          edits.onChanged((organization, origin) =>
            journal.enter(['origin', organization, origin], () => listener(organization, origin)),
          ),
      },
    }),
    ...(namedLimits !== undefined && {
      namedLimits: {
        settingsOf: (organization, key) => {
          notes.limit(organization, key);
          return namedLimits.settingsOf(organization, key);
        },
        onChanged: (listener) =>
          namedLimits.onChanged((organization, key) =>
            journal.enter(['named', organization, key], () => listener(organization, key)),
          ),
      },
    }),
    ...(weightOf !== undefined && {
      weightOf: (apiKey) => {
        notes.weight(apiKey);
        return weightOf(apiKey);
      },
    }),
    liveRegions: () => journal.draw(liveRegions(), usualRegions),
    regions: regions === undefined ? undefined : recordedRegions(regions, journal),
    ...(keptReport !== undefined && {
      keptReport: (organization, report) => {
        const kept = keptReport(organization, report);
        journal.draw(notes.keptOutcome(kept, report), notes.keptOutcome(report, report));
        return kept;
      },
    }),
    notices: {
      publish: (notice) => parts.notices.publish(notice),
      isWatched: (id) => journal.draw(parts.notices.isWatched(id), false),
    },
  };
}

/** The same dispatcher, of which all that is asked of it goes through the journal. */
export function recordedDispatcher(
  dispatcher: Dispatcher,
  journal: Journal,
  offered: (job: Parameters<Dispatcher['submit']>[0]) => void,
): Dispatcher {
  const enter = <Result>(
    input: Parameters<Journal['enter']>[0],
    act: () => Promise<Result>,
  ): Promise<Result> =>
    new Promise<Result>((resolve, reject) => {
      journal.enter(input, () => {
        act().then(resolve, reject);
      });
    });
  return {
    name: dispatcher.name,
    start: () => enter(['start'], () => dispatcher.start()),
    stop: () => enter(['stop'], () => dispatcher.stop()),
    submit: (job, entry) => {
      offered(job);
      return enter(['submit', job.id, entry !== undefined], () => dispatcher.submit(job, entry));
    },
    cancel: (organization, id) =>
      enter(['cancel', organization, id], () => dispatcher.cancel(organization, id)),
    forecast: (question) => enter(['ask', question], () => dispatcher.forecast(question)),
    counts: () => dispatcher.counts(),
    stateOf: (organization, origin) => dispatcher.stateOf(organization, origin),
    states: () => dispatcher.states(),
    limitStateOf: (organization, name) => dispatcher.limitStateOf(organization, name),
    waitOf: (place) => dispatcher.waitOf(place),
    callOf: (token) => dispatcher.callOf(token),
    // Only nodes among others are asked for these, and they are not recorded turn by turn.
    found: (lines) => dispatcher.found(lines),
    look: (slots) => dispatcher.look(slots),
    overtaken: (id) => dispatcher.overtaken(id),
    prepare: async (slots) => dispatcher.prepare?.(slots),
    gain: (slots) => dispatcher.gain(slots),
    leave: (slots) => dispatcher.leave(slots),
    underWayIn: (slot) => dispatcher.underWayIn(slot),
    division: dispatcher.division,
  };
}

function recordedWrites(
  committer: DispatcherParts['committer'],
  journal: Journal,
): (operation: Operation) => Promise<Verdict> {
  let writes = 0;
  return (operation) => {
    writes += 1;
    const number = writes;
    return new Promise<Verdict>((resolve, reject) => {
      committer.write(operation).then(
        (verdict) => journal.enter(['wrote', number, verdict], () => resolve(verdict)),
        (error: unknown) =>
          journal.enter(['unwritten', number, String(error)], () => reject(error)),
      );
    });
  };
}

function recordedReads({ jobs, work }: DispatcherParts['store'], journal: Journal): Reads {
  let reads = 0;
  const noted = <Given extends readonly unknown[], Result>(
    read: (...given: Given) => Promise<Result>,
    keptOf: (result: Result) => unknown = (result) => result,
  ): ((...given: Given) => Promise<Result>) => {
    return (...given) => {
      reads += 1;
      const number = reads;
      return new Promise<Result>((resolve, reject) => {
        read(...given).then(
          (result) => {
            const text = JSON.stringify(keptOf(result));
            journal.enter(['read', number, text], () => resolve(result));
          },
          (error: unknown) => journal.enter(['unread', number, String(error)], () => reject(error)),
        );
      });
    };
  };
  return {
    jobs: {
      holder: (organization, claim, now) => jobs.holder(organization, claim, now),
      list: (query) => jobs.list(query),
      attempts: (id) => jobs.attempts(id),
      responses: (id, attempts) => jobs.responses(id, attempts),
      deliveries: (id) => jobs.deliveries(id),
      children: (id) => jobs.children(id),
      liveByAccount: () => jobs.liveByAccount(),
      // Only whether there is one is ever asked.
      get: noted(
        (organization: Id, id: Id) => jobs.get(organization, id),
        (job) => job?.id ?? null,
      ),
      live: noted((ids: readonly Id[]) => jobs.live(ids), keptJobs),
      counts: noted(() => jobs.counts()),
    },
    work: {
      lines: noted((slots) => work.lines(slots)),
      ready: noted((line, after, limit) => work.ready(line, after, limit)),
      due: noted((now, limit, slots) => work.due(now, limit, slots)),
      nextDueAt: noted((slots) => work.nextDueAt(slots)),
      oldestReadyAt: noted(() => work.oldestReadyAt()),
      armed: noted((after, limit, slots) => work.armed(after, limit, slots)),
      wakeable: noted((now, limit, slots) => work.wakeable(now, limit, slots)),
      nextWakeAt: noted((slots) => work.nextWakeAt(slots)),
      pace: noted((limit, slots) => work.pace(limit, slots)),
      paceOf: noted((organization: Id, origin: string) => work.paceOf(organization, origin)),
    },
  };
}

function keptJobs(jobs: readonly LiveJob[]): readonly LiveJob[] {
  return jobs.map(recordedJob);
}

function recordedExecutor(executor: Executor, journal: Journal, notes: PartsNotes): Executor {
  const numbers = new Map<string, number>();
  let calls = 0;
  return {
    run: (batch) => {
      for (const { token } of batch) {
        calls += 1;
        numbers.set(token, calls);
      }
      executor.run(batch);
    },
    abort: (tokens) => executor.abort(tokens),
    onSent: (listener) =>
      executor.onSent((token) => {
        const number = numbers.get(token);
        if (number !== undefined) journal.enter(['sent', number], () => listener(token));
      }),
    onReports: (listener) =>
      executor.onReports((reports) => {
        const ended = reports.flatMap((report) => {
          const number = numbers.get(report.token);
          numbers.delete(report.token);
          if (number === undefined) return [];
          return [[number, notes.outcomeOf(report), report.endedAt] as const];
        });
        journal.enter(['reports', ended], () => listener(reports));
      }),
    close: () => executor.close(),
  };
}

function recordedRegions(watch: RegionWatch, journal: Journal): RegionWatch {
  return {
    get isTroubled() {
      return journal.draw(watch.isTroubled, false);
    },
    reachable: (organization, origin, regions) =>
      journal.draw(watch.reachable(organization, origin, regions), regions),
    chosen: (organization, origin, region) => watch.chosen(organization, origin, region),
    after: (organization, origin, region, outcome) =>
      watch.after(organization, origin, region, outcome),
    states: () => watch.states(),
  };
}
