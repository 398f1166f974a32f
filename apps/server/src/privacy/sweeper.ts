import type {
  Clock,
  ErasedPart,
  Id,
  JobPlace,
  Operation,
  PrivacyReads,
  Verdict,
} from '@ezthrottle/engine';
import type { PrivacySettings } from './privacy-settings.ts';
import { createPeriodic } from '../upkeep/periodic.ts';
import type { Service } from '../upkeep/service.ts';

export interface SweeperOptions {
  readonly settings: Pick<PrivacySettings, 'organizations' | 'retentionOf' | 'redactionOf'>;
  readonly reads: Pick<PrivacyReads, 'documents' | 'ended'>;
  readonly committer: { write(operation: Operation): Promise<Verdict> };
  readonly clock: Clock;
  /** Between rounds, in milliseconds. Default 1 000. */
  readonly everyMs?: number;
  /** Ended jobs that one step looks at. Default 200. */
  readonly stepRows?: number;
  /** Steps for one part of one organization in a round. Default 20. */
  readonly maxSteps?: number;
  /** Whether this node does the work. Default: always. */
  readonly isOurs?: (() => boolean) | undefined;
  readonly logger: { error(details: object, message: string): void };
}

export interface Sweeper extends Service {
  /** One round; gives how many jobs were made smaller or removed. */
  runOnce(): Promise<number>;
}

type Part = ErasedPart | 'jobs';

/** How far a part of an organization has come. */
interface Progress {
  readonly after: JobPlace | null;
  /** Jobs that were passed over, because a delivery or an idempotency key needs them still. */
  readonly late: readonly Id[];
}

const KIND = 'sweep';
const START: Progress = { after: null, late: [] };
/** Jobs passed over that are remembered; with more, the walk waits for them. */
const MOST_LATE = 1_000;
/** A job may be on disk a little later than the moment of its end: the walk must not pass it by. */
const SETTLED_MS = 5_000;

/**
 * Takes out of ended jobs what their organization keeps no longer. For each part it walks once along the
 * jobs that ended, a few rows at a time, and remembers how far it has come: also over a restart.
 */
export function createSweeper(options: SweeperOptions): Sweeper {
  const { settings, reads, committer, clock, logger } = options;
  const { everyMs = 1_000, stepRows = 200, maxSteps = 20 } = options;
  let known: Map<string, Progress> | null = null;

  async function progressOf(organization: Id, part: Part): Promise<Progress> {
    if (known === null) {
      const documents = await reads.documents();
      known = new Map(
        documents
          .filter(({ kind }) => kind === KIND)
          .map(({ organization: owner, name, data }) => [`${owner} ${name}`, JSON.parse(data)]),
      );
    }
    return known.get(`${organization} ${part}`) ?? START;
  }

  async function remember(organization: Id, part: Part, progress: Progress): Promise<void> {
    known?.set(`${organization} ${part}`, progress);
    const data = JSON.stringify(progress);
    await write({ type: 'put_document', organization, kind: KIND, name: part, data });
  }

  /** Jobs that were left, and how many were not. */
  async function write(
    operation: Operation,
  ): Promise<{ readonly left: readonly Id[]; readonly done: number }> {
    const verdict = await committer.write(operation);
    if (verdict.verdict !== 'ok') throw new SweepRefusedError(operation.type, verdict);
    return { left: verdict.left ?? [], done: verdict.count ?? 0 };
  }

  /** Jobs that were passed over before: tried again, some of them in each round. */
  async function retryLate(organization: Id, part: Part): Promise<number> {
    const progress = await progressOf(organization, part);
    const [tried, others] = [progress.late.slice(0, stepRows), progress.late.slice(stepRows)];
    if (tried.length === 0) return 0;
    const { left, done } = await write(operationOf(organization, part, tried));
    const late = [...others, ...left];
    if (late.length < progress.late.length) {
      await remember(organization, part, { ...progress, late });
    }
    return done;
  }

  async function step(
    organization: Id,
    part: Part,
    keptMs: number,
  ): Promise<{ readonly done: number; readonly isMore: boolean }> {
    const { after, late } = await progressOf(organization, part);
    if (late.length >= MOST_LATE) return { done: 0, isMore: false };
    const endedBefore = clock.now() - Math.max(keptMs, SETTLED_MS);
    const stretch = await reads.ended({ organization, after, endedBefore, limit: stepRows });
    const { last, jobIds, isMore } = stretch;
    const { left, done } =
      jobIds.length === 0
        ? { left: [], done: 0 }
        : await write(operationOf(organization, part, jobIds));
    if (last !== null) {
      const progress = { after: last, late: [...late, ...left] };
      // Walking past others' jobs is not worth a write of its own: it is walked again after a restart.
      if (jobIds.length > 0 || isMore) await remember(organization, part, progress);
      else known?.set(`${organization} ${part}`, progress);
    }
    return { done, isMore };
  }

  async function runOnce(): Promise<number> {
    let done = 0;
    for (const organization of settings.organizations()) {
      for (const [part, keptMs] of partsOf(organization)) {
        done += await retryLate(organization, part);
        for (let steps = 0, isMore = true; isMore && steps < maxSteps; steps += 1) {
          const stepped = await step(organization, part, keptMs);
          done += stepped.done;
          isMore = stepped.isMore;
        }
      }
    }
    return done;
  }

  function partsOf(organization: Id): readonly (readonly [Part, number])[] {
    const { jobs_ms, bodies_ms, headers_ms, attempts_ms } = settings.retentionOf(organization);
    const { request_headers, request_paths } = settings.redactionOf(organization);
    const isRedacting = request_headers.length + request_paths.length > 0;
    const parts: readonly (readonly [Part, number | undefined])[] = [
      ['request', isRedacting ? 0 : undefined],
      ['bodies', bodies_ms],
      ['headers', headers_ms],
      ['attempts', attempts_ms],
      ['jobs', jobs_ms],
    ];
    return parts.flatMap(([part, ms]) => (ms === undefined ? [] : [[part, ms] as const]));
  }

  function operationOf(organization: Id, part: Part, jobIds: readonly Id[]): Operation {
    if (part === 'jobs') {
      return { type: 'remove_jobs', organization, jobIds, unlessNeededAt: clock.now() };
    }
    const { request_headers: headers, request_paths: paths } = settings.redactionOf(organization);
    const rules = { headers, paths };
    return { type: 'erase_jobs', organization, jobIds, erasure: { part, rules } };
  }

  const periodic = createPeriodic({
    name: 'sweeper',
    clock,
    everyMs,
    isOurs: options.isOurs,
    round: runOnce,
    onError: (error) =>
      logger.error(
        { event: 'sweep_failed', err: error },
        'what is not to be kept cannot be taken out',
      ),
  });
  return {
    name: periodic.name,
    start: () => periodic.start(),
    stop: () => periodic.stop(),
    runOnce,
  };
}

/** The store refused to take something out. */
class SweepRefusedError extends Error {
  override readonly name = 'SweepRefusedError';
  readonly code = 'sweep_refused';

  constructor(operation: Operation['type'], verdict: Verdict) {
    super(`${operation} was answered ${verdict.verdict}`);
  }
}
