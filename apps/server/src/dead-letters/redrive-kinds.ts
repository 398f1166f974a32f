import type { RedriveLeftOut, RedriveOutcome } from '@ezthrottle/core/protocol';
import {
  type Clock,
  type DeadDelivery,
  type DeadJob,
  type DeadLetterReads,
  deadJobReason,
  destinationOf,
  type Id,
  isWantedDelivery,
  isWantedJob,
  type Redrive,
  type RedriveItem,
} from '@ezthrottle/engine';
import type { Endpoints } from '../deliver/endpoints.ts';
import type { JobReplays, LeftOut } from './job-replays.ts';
import { type DeadPlace, type Scan, scanDead } from './scan.ts';

/** What became of a dead letter that a redrive has come to. */
export type Tried = Pick<RedriveItem, 'source' | 'result' | 'outcome'>;

/** A dead letter of whatever kind. */
export interface AnyDead {
  readonly id: Id;
  readonly place: DeadPlace;
  readonly reason: string;
  readonly destination: string;
}

/** What differs between redrives of jobs and of deliveries. */
export interface RedriveKind {
  /** Wanted dead letters behind the redrive's cursor, the oldest first. */
  next(
    organization: Id,
    redrive: Pick<Redrive, 'filter' | 'cursor'>,
    limit: number,
    mostLooked: number,
  ): Promise<Scan<AnyDead>>;
  /**
   * Why it would not be sent now, but passed over; null: it would.
   *
   * @param by The redrive's id; null: it has none yet.
   */
  leftOut(
    organization: Id,
    redrive: Pick<Redrive, 'edit'>,
    dead: AnyDead,
    by: Id | null,
  ): Promise<LeftOut | null>;
  /** Sends it, or says what is to be written to send it. */
  send(
    organization: Id,
    id: Id,
    redrive: Redrive,
    dead: AnyDead,
  ): Promise<{ readonly tried: Tried; readonly replayAt: number | null }>;
  /** How what was sent has ended; null: it has not. */
  outcomeOf(organization: Id, item: RedriveItem): Promise<EndedOutcome | null>;
}

export type EndedOutcome = 'succeeded' | 'failed' | 'cancelled';

type Scanned = Pick<DeadLetterReads, 'jobs' | 'deliveries' | 'delivery' | 'jobState'>;

export function jobRedrives(reads: Scanned, replays: JobReplays): RedriveKind {
  return {
    next: async (organization, { filter, cursor }, limit, mostLooked) =>
      named(
        await scanDead(
          {
            read: (query) => reads.jobs(query),
            isWanted: (dead) => isWantedJob(filter, dead),
            placeOf: placeOfJob,
          },
          { organization, ...timesOf(filter), order: 'oldest', after: cursor, limit },
          mostLooked,
        ),
        (dead) => ({
          id: dead.id,
          place: placeOfJob(dead),
          reason: deadJobReason(dead.error),
          destination: destinationOf(dead.url),
        }),
      ),
    leftOut: (organization, { edit }, { id }, by) => replays.leftOut(organization, id, edit, by),
    async send(organization, id, { edit }, { id: source }) {
      const replay = { edit, again: null, redrive: id, entry: null };
      const replayed = await replays.replay(organization, source, replay);
      return { tried: { source, ...triedJob(replayed, id) }, replayAt: null };
    },
    async outcomeOf(organization, { result }) {
      const state = result === null ? null : await reads.jobState(organization, result);
      switch (state) {
        case 'completed':
          return 'succeeded';
        case 'failed':
        case 'deadletter':
          return 'failed';
        case 'cancelled':
        case null:
          return 'cancelled';
        case 'pending':
        case 'scheduled':
        case 'processing':
          return null;
      }
    },
  };
}

export function deliveryRedrives(
  reads: Scanned,
  endpoints: Pick<Endpoints, 'isDisabled'>,
  clock: Pick<Clock, 'now'>,
): RedriveKind {
  const isOpen = (organization: Id, dead: AnyDead): boolean =>
    !('endpointId' in dead) || !endpoints.isDisabled(organization, String(dead.endpointId));
  return {
    next: async (organization, { filter, cursor }, limit, mostLooked) =>
      named(
        await scanDead(
          {
            read: (query) => reads.deliveries(query),
            isWanted: (dead) => isWantedDelivery(filter, dead),
            placeOf: placeOfDelivery,
          },
          { organization, ...timesOf(filter), order: 'oldest', after: cursor, limit },
          mostLooked,
        ),
        (dead) => ({
          id: dead.id,
          place: placeOfDelivery(dead),
          reason: dead.deadReason ?? '',
          destination: destinationOf(dead.url),
          endpointId: dead.endpointId,
        }),
      ),
    leftOut: async (organization, _redrive, dead) =>
      isOpen(organization, dead) ? null : { why: 'endpoint_disabled', result: null },
    async send(organization, _id, _redrive, dead) {
      const { id: source } = dead;
      if (!isOpen(organization, dead)) {
        return { tried: { source, result: null, outcome: 'unfit' }, replayAt: null };
      }
      const tried = { source, result: source, outcome: 'sent' } as const;
      return { tried, replayAt: clock.now() };
    },
    async outcomeOf(organization, { source }) {
      const delivery = await reads.delivery(organization, source);
      switch (delivery?.state) {
        case 'delivered':
          return 'succeeded';
        case 'dead':
          return 'failed';
        case undefined:
          return 'cancelled';
        case 'pending':
          return null;
      }
    },
  };
}

/** What is noted of a dead letter that is passed over. */
export function passedOver(source: Id, { why, result }: LeftOut): Tried {
  return { source, result, outcome: OUTCOME_OF[why] };
}

const OUTCOME_OF: Readonly<Record<RedriveLeftOut, 'already' | 'unfit' | 'gone'>> = {
  already: 'already',
  erased: 'unfit',
  too_late: 'unfit',
  limits_unusable: 'unfit',
  secrets_unusable: 'unfit',
  endpoint_disabled: 'unfit',
  being_deleted: 'gone',
  gone: 'gone',
};

function triedJob(
  replayed: Awaited<ReturnType<JobReplays['replay']>>,
  redrive: Id,
): { readonly result: Id | null; readonly outcome: RedriveOutcome } {
  switch (replayed.verdict) {
    case 'sent':
      return { result: replayed.job.id, outcome: 'sent' };
    case 'already':
      // By this very redrive, before the server was started anew.
      return { result: replayed.jobId, outcome: replayed.redrive === redrive ? 'sent' : 'already' };
    case 'too_late':
    case 'erased':
    case 'rejected':
    case 'unusable':
      return { result: null, outcome: 'unfit' };
    case 'unknown':
    case 'being_deleted':
    case 'not_dead':
      return { result: null, outcome: 'gone' };
  }
}

function named<Dead, Named>(scan: Scan<Dead>, name: (dead: Dead) => Named): Scan<Named> {
  return { found: scan.found.map(name), next: scan.next };
}

function placeOfJob({ id, endedAt }: DeadJob): DeadPlace {
  return { at: endedAt, id };
}

function placeOfDelivery({ id, diedAt }: DeadDelivery): DeadPlace {
  return { at: diedAt, id };
}

function timesOf({ ended_from, ended_before }: Redrive['filter']): {
  readonly endedFrom: number | null;
  readonly endedBefore: number | null;
} {
  return { endedFrom: ended_from ?? null, endedBefore: ended_before ?? null };
}
