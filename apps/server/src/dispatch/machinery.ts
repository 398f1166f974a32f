import {
  DEFAULT_CIRCUIT,
  type FairLineOptions,
  type Id,
  type KeyPacer,
  lineOf,
  pathOfLeg,
} from '@ezthrottle/engine';
import { type Ownership, WHOLE } from '../cluster/ownership.ts';
import { Stager } from '../upkeep/stager.ts';
import { type ActiveJob, ActiveJobs } from './active-jobs.ts';
import { Armer } from './armer.ts';
import { CallStarter } from './call-starter.ts';
import { RunningCalls } from './calls.ts';
import type { Destination } from './destination.ts';
import { type DestinationDivision, Destinations } from './destinations.ts';
import { DISPATCH_LIMITS, type DispatchLimits } from './dispatch-limits.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import { DividedDestinations } from './divided-destinations.ts';
import { Forecaster } from './forecaster.ts';
import { Handover } from './handover.ts';
import { hedgingOf } from './hedging.ts';
import { Intake } from './intake.ts';
import { JobMover } from './job-mover.ts';
import type { Lane } from './lane.ts';
import { LimitKeys, type NamedLimit } from './limit-keys.ts';
import { LimitedCalls } from './limited-calls.ts';
import { LinePump } from './line-pump.ts';
import { OriginCaps } from './origin-caps.ts';
import { PaceMemory } from './pace-memory.ts';
import { PaceSaver } from './pace-saver.ts';
import { Replacements } from './replacements.ts';
import { Reports } from './reports.ts';
import { Sender } from './sender.ts';
import { StandingCalls } from './standing-calls.ts';
import { WorkOfOthers } from './work-of-others.ts';

/** What paces calls: everything with a key, and what is remembered of it. */
interface Keys {
  readonly destinations: Destinations;
  readonly limitKeys: LimitKeys;
  readonly memory: PaceMemory;
  readonly division: DividedDestinations;
  /** Null: nothing is known of this key. */
  readonly pacerOf: (key: string) => KeyPacer | null;
}

/** What a dispatcher is made of, each part told of those that it works with. */
export interface Machinery extends Keys {
  readonly limits: DispatchLimits;
  readonly ownership: Ownership;
  readonly active: ActiveJobs;
  readonly calls: RunningCalls;
  readonly paces: PaceSaver;
  readonly mover: JobMover;
  readonly others: WorkOfOthers;
  readonly limited: LimitedCalls;
  readonly sender: Sender;
  readonly armer: Armer;
  readonly intake: Intake;
  readonly replacements: Replacements;
  readonly reports: Reports;
  readonly handover: Handover;
  readonly stager: Stager;
  readonly forecaster: Forecaster;
  readonly standing: StandingCalls;
  readonly pump: LinePump;
}

/** Puts it together. Nothing moves before it is started. */
export function assemble(parts: DispatcherParts): Machinery {
  const { clock, store, executor, logger, weightOf } = parts;
  const { jobs, work } = store;
  const limits = { ...DISPATCH_LIMITS, ...parts.limits };
  const ownership = parts.ownership ?? WHOLE;
  const fairness: FairLineOptions = weightOf === undefined ? {} : { weightOf };
  // Parts that come further down are reached once all of them are there.
  const onLane = (lane: Lane): void => pump.pump(lane);
  const wakeAt = (at: number): void => stager.wakeAt(at);
  const isAtHand = (token: string): boolean => standing.isAtHand(token);
  const keyChanged = (key: string, lanes: Iterable<Lane>): void => pump.keyChanged(key, [...lanes]);

  const keys = keysOf({ parts, limits, ownership, fairness, keyChanged });
  const { destinations, division } = keys;
  const active = new ActiveJobs(jobs, limits);
  const calls = new RunningCalls();
  const paces = new PaceSaver({ parts, destinations, limits });
  const mover = new JobMover(parts, active, {
    queued: (job, rows) => standing.queued(job, rows),
    withdrawn: (job, leg) => standing.withdraw(job, leg),
    abort: (tokens) => executor.abort(tokens.filter((token) => calls.has(token))),
    isRunning: (token) => calls.has(token),
    sentAt: (job, token) =>
      calls.get(token)?.sentAt ?? (isOfOthers(job, token, ownership) ? 'as_armed' : null),
    hedging: (organization) => hedgingOf(destinations, organization),
    wakeAt,
    lost: (id) => others.takeUp(id),
  });
  const basics = { parts, active, calls, destinations, mover };
  const others = new WorkOfOthers({ ...basics, ownership, isAtHand, onFound: onLane });
  const { maxResponseBytes } = limits;
  const starter = new CallStarter({
    parts,
    active,
    calls,
    mover,
    maxResponseBytes,
    isDeciding: (token) => reports.isDeciding(token),
  });
  const { pacerOf } = keys;
  const limited = new LimitedCalls({ parts, starter, pacerOf, fairness, onSent: onLane });
  const sender = new Sender({ parts, calls, starter, limited, onTime: onLane });
  const armer = new Armer({
    parts,
    work,
    limits,
    active,
    mover,
    onArmed: onLane,
    ...(parts.peers !== undefined && {
      onEarly: (line, earlyMs) => void clock.after(earlyMs, () => others.found([line])),
    }),
  });
  const intake = new Intake({
    ...basics,
    armer,
    queued: (job, rows) => standing.queued(job, rows),
    wakeAt,
    onArmed: onLane,
  });
  const reports = new Reports({
    parts,
    active,
    calls,
    mover,
    onKeyChanged: (key) => {
      limited.wake(key);
      parts.shares?.freed(key);
    },
    onFreed: (lane) => pump.freed(lane),
    onPaused: (paused) => {
      void paces.write(destinations.takeRows(paused));
      division.paused(paused);
    },
  });
  const handover = new Handover({
    ...basics,
    clock,
    reports,
    limited,
    logger,
    putPace: (rows) => paces.write(rows),
  });
  const standing = new StandingCalls({
    ...basics,
    ownership,
    armer,
    limited,
    reports,
    wakeAt,
    onStanding: onLane,
  });
  const pump = new LinePump({ clock, ownership, sender, armer, limited });
  const stager = new Stager({
    work,
    slots: () => ownership.slots(),
    committer: parts.committer,
    clock,
    logger,
    batchRows: limits.batchRows,
    onReady: (rows) => standing.ready(rows),
    onWakeable: (ids) => wake(ids, active, mover),
  });
  return {
    ...keys,
    limits,
    ownership,
    active,
    calls,
    paces,
    mover,
    others,
    limited,
    sender,
    armer,
    intake,
    replacements: new Replacements({ intake, active }),
    reports,
    handover,
    stager,
    forecaster: new Forecaster({ ...basics, clock, work, jobs, fairness, limited }),
    standing,
    pump,
  };
}

interface KeysOptions {
  readonly parts: DispatcherParts;
  readonly limits: DispatchLimits;
  readonly ownership: Ownership;
  readonly fairness: FairLineOptions;
  /** More, or less, may be sent at this key than before; these lines stand there. */
  readonly keyChanged: (key: string, lanes: Iterable<Lane>) => void;
}

function keysOf({ parts, limits, ownership, fairness, keyChanged }: KeysOptions): Keys {
  const { clock, settings, edits, shares, divided, circuit = DEFAULT_CIRCUIT } = parts;
  const memory = new PaceMemory({
    clock,
    most: limits.maxTaught,
    read: (organization, origin) => parts.store.work.paceOf(organization, origin),
    onError: (error) =>
      parts.logger.error(
        { event: 'pace_unreadable', err: error },
        'a learned pace could not be read',
      ),
  });
  const ofLimit = ({ key, lanes }: NamedLimit): void => keyChanged(key, lanes);
  const ofDestination = ({ key, lanes }: Destination): void => keyChanged(key, lanes.values());
  const limitKeys = new LimitKeys({
    clock,
    rules: parts.namedLimits,
    memory,
    maxIdle: limits.maxIdleDestinations,
    shares,
    onRecalled: ofLimit,
    onAllotted: ofLimit,
  });
  const caps = new OriginCaps(parts.caps ?? new Map(), clock, shares, ofLimit);
  const division: DestinationDivision | undefined =
    divided === undefined || shares === undefined
      ? undefined
      : { divided, shares, ownership, onAllotted: ofDestination };
  const destinations = new Destinations({
    clock,
    settings,
    limits,
    limitKeys,
    caps,
    memory,
    onRecalled: ofDestination,
    circuit,
    edits,
    fairness,
    division,
  });
  edits?.onChanged((organization, origin) => {
    const changed = destinations.resettle(organization, origin);
    if (changed !== null) ofDestination(changed);
  });
  parts.namedLimits?.onChanged((organization, name) => {
    const changed = limitKeys.resettle(organization, name);
    if (changed !== null) ofLimit(changed);
  });
  return {
    destinations,
    limitKeys,
    memory,
    division: new DividedDestinations({ destinations, ownership, divided, settings }),
    pacerOf: (key) =>
      (limitKeys.find(key) ?? destinations.findByKey(key) ?? caps.find(key))?.pacer ?? null,
  };
}

/** Whether the attempt of this token stands in another node's line. */
function isOfOthers(job: ActiveJob, token: string, ownership: Ownership): boolean {
  const leg = job.run.legs.find((one) => one.state === 'armed' && one.token === token);
  const path = pathOfLeg(job.spec, leg);
  return path !== undefined && !ownership.owns(job.organization, lineOf(path));
}

async function wake(ids: readonly Id[], active: ActiveJobs, mover: JobMover): Promise<void> {
  await Promise.all(
    ids.map((id) =>
      active.with(id, async (job) => {
        if (job !== null) await mover.move(job, { type: 'wake' });
      }),
    ),
  );
}
