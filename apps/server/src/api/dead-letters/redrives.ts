import { isDeepStrictEqual } from 'node:util';
import {
  type CancelRedriveRequest,
  REDRIVE_DEFAULTS,
  type RedriveItemPage,
  type RedrivePage,
  type RedriveRequest,
  type RedriveView,
  DEAD_DELIVERY_REASONS,
  DEAD_JOB_REASONS,
  type Problem,
} from '@ezthrottle/core/protocol';
import {
  CANCEL_REDRIVE_SCHEMA,
  REDRIVE_LIST_SCHEMA,
  REDRIVE_SCHEMA,
  type RedriveListRequest,
} from '@ezthrottle/core/protocol/schemas';
import {
  type Clock,
  deriveId,
  failurePercent,
  type Id,
  type RedriveSettings,
} from '@ezthrottle/engine';
import type { Acting } from '../../audit/audit-log.ts';
import type { Redrives } from '../../dead-letters/redrives.ts';
import type { StoredRedrive } from '../../dead-letters/running-redrive.ts';
import { sha256 } from '../../dispatch/sha256.ts';
import { actingWithReason } from '../acting.ts';
import { ApiError } from '../api-error.ts';
import { type Cursor, formatCursor, parseCursor } from '../cursor.ts';
import { parseId } from '../job-id.ts';
import { listParameters } from '../list-parameters.ts';
import type { Call, Route } from '../route.ts';
import { filterProblems } from './filter-problems.ts';
import { bodyReader, editProblems } from './job-edit.ts';

export interface RedriveRoutesOptions {
  readonly redrives: Redrives;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: () => Id;
}

const PATH = '/redrives';
const ONE = `${PATH}/:id`;

const readRedrive = bodyReader<RedriveRequest>(REDRIVE_SCHEMA, problemsOf);

const readCancel = bodyReader<CancelRedriveRequest>(CANCEL_REDRIVE_SCHEMA);

const PARAMETERS: Readonly<Record<keyof RedriveListRequest, true>> = { cursor: true, limit: true };
const readList = listParameters<RedriveListRequest, Cursor>(
  REDRIVE_LIST_SCHEMA,
  PARAMETERS,
  parseCursor,
);
const readItems = listParameters<RedriveListRequest, number>(
  REDRIVE_LIST_SCHEMA,
  PARAMETERS,
  (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : null),
);

/** Many dead letters that are sent again. */
export function redriveRoutes({ redrives, clock, newId }: RedriveRoutesOptions): readonly Route[] {
  return [
    {
      method: 'POST',
      path: PATH,
      access: 'manage',
      async handle(call, caller) {
        const request = readRedrive(call.body);
        const acting = actingWithReason(call, caller, request.reason);
        const settings = settingsOf(request, acting, clock.now());
        if (request.dry_run === true) {
          const found = await redrives.dryRun(caller.organization, settings);
          return { status: 200, body: { dry_run: true, ...found } };
        }
        const key = call.header('Idempotency-Key');
        const id =
          key === null ? newId() : deriveId(caller.organization, `redrive ${key}`, { sha256 });
        const begun = await redrives.begin(acting, id, settings);
        if (begun.verdict === 'full') {
          throw new ApiError('conflict', `${begun.most} redrives run already: wait, or cancel one`);
        }
        const view = viewOf(begun.stored);
        if (begun.verdict === 'started') return { status: 201, body: view };
        const isSame = isSameWish(request, settings, begun.stored);
        const body: RedriveView = { ...view, duplicate: true, ...(!isSame && { mismatch: true }) };
        return { status: 200, body };
      },
    },
    {
      method: 'GET',
      path: PATH,
      access: 'read',
      async handle(call, { organization }) {
        const { cursor: before, limit } = readList(call.query);
        // One more than shown tells whether there is a next page.
        const found = await redrives.list({ organization, before, limit: limit + 1 });
        const page = found.slice(0, limit);
        const last = page.at(-1)?.record;
        const isMore = found.length > limit && last !== undefined;
        const body: RedrivePage = {
          redrives: page.map(viewOf),
          next_cursor: isMore ? formatCursor(last) : null,
        };
        return { status: 200, body };
      },
    },
    {
      method: 'GET',
      path: ONE,
      access: 'read',
      async handle(call, { organization }) {
        return { status: 200, body: viewOf(await knownRedrive(redrives, organization, call)) };
      },
    },
    {
      method: 'GET',
      path: `${ONE}/items`,
      access: 'read',
      async handle(call, { organization }) {
        const { record } = await knownRedrive(redrives, organization, call);
        const { cursor, limit } = readItems(call.query);
        const query = { after: cursor ?? 0, outcome: null, limit: limit + 1 };
        const found = await redrives.items(record.id, query);
        const page = found.slice(0, limit);
        const last = page.at(-1);
        const body: RedriveItemPage = {
          items: page.map(({ number, source, result, outcome }) => ({
            number,
            source_id: source,
            result_id: result,
            outcome,
          })),
          next_cursor: found.length > limit && last !== undefined ? String(last.number) : null,
        };
        return { status: 200, body };
      },
    },
    {
      method: 'POST',
      path: `${ONE}/cancel`,
      access: 'manage',
      async handle(call, caller) {
        const { reason } = readCancel(call.body);
        const acting = actingWithReason(call, caller, reason);
        const cancelled = await redrives.cancel(acting, idOf(call));
        if (cancelled.verdict === 'unknown') throw redriveNotFound();
        const view = viewOf(cancelled.stored);
        if (cancelled.verdict === 'cancelled' || view.state === 'cancelled') {
          return { status: 200, body: view };
        }
        throw new ApiError('conflict', `the redrive has already ended: it is ${view.state}`, {
          details: { redrive_id: view.redrive_id, state: view.state },
        });
      },
    },
  ];
}

const REASONS: Readonly<Record<'jobs' | 'deliveries', readonly string[]>> = {
  jobs: DEAD_JOB_REASONS,
  deliveries: DEAD_DELIVERY_REASONS,
};

function problemsOf({ of = 'jobs', filter, edit }: Partial<RedriveRequest>): readonly Problem[] {
  const problems = [...editProblems(edit), ...filterProblems(filter ?? {}, 'filter.')];
  if (of === 'deliveries' && edit !== undefined) {
    problems.push({ path: 'edit', message: 'is for jobs only', expected: 'nothing' });
  }
  for (const [index, reason] of (filter?.reasons ?? []).entries()) {
    if (REASONS[of].includes(reason)) continue;
    const path = `filter.reasons[${index}]`;
    const expected = `one of ${REASONS[of].join(', ')}`;
    problems.push({ path, message: `is not a reason of ${of}`, expected });
  }
  return problems;
}

/** What dies from now on does not belong to it: its own new tries least of all. */
function settingsOf(request: RedriveRequest, acting: Acting, now: number): RedriveSettings {
  const { filter = {} } = request;
  return {
    of: request.of ?? 'jobs',
    filter: { ...filter, ended_before: Math.min(filter.ended_before ?? now, now) },
    reason: request.reason,
    actor: acting.actor,
    apiKey: acting.apiKey,
    rate: request.rate ?? REDRIVE_DEFAULTS.rate,
    canary: request.canary ?? REDRIVE_DEFAULTS.canary,
    maxFailurePercent: request.max_failure_percent ?? REDRIVE_DEFAULTS.maxFailurePercent,
    maxItems: request.max_items ?? REDRIVE_DEFAULTS.items,
    edit: request.edit ?? {},
  };
}

/** Whether a redrive that there is already is what this request asks for. */
function isSameWish(
  { filter }: RedriveRequest,
  settings: RedriveSettings,
  { redrive }: StoredRedrive,
): boolean {
  // Without an end that has passed it is the moment of the request, which is never the same.
  const hasEnd = filter?.ended_before === settings.filter.ended_before;
  const wishOf = (of: RedriveSettings): object => ({
    of: of.of,
    filter: { ...of.filter, ended_before: hasEnd ? of.filter.ended_before : null },
    rate: of.rate,
    canary: of.canary,
    maxFailurePercent: of.maxFailurePercent,
    maxItems: of.maxItems,
    edit: of.edit,
  });
  return isDeepStrictEqual(wishOf(settings), wishOf(redrive));
}

function viewOf({ record, redrive }: StoredRedrive): RedriveView {
  return {
    redrive_id: record.id,
    of: redrive.of,
    state: redrive.state,
    filter: redrive.filter,
    reason: redrive.reason,
    actor: redrive.actor,
    rate: redrive.rate,
    canary: redrive.canary,
    max_failure_percent: redrive.maxFailurePercent,
    max_items: redrive.maxItems,
    counts: redrive.counts,
    failure_percent: failurePercent(redrive),
    created_at: record.createdAt,
    ended_at: record.endedAt,
  };
}

async function knownRedrive(
  redrives: Redrives,
  organization: Id,
  call: Call,
): Promise<StoredRedrive> {
  const stored = await redrives.get(organization, idOf(call));
  if (stored === null) throw redriveNotFound();
  return stored;
}

function idOf({ params }: Call): Id {
  const id = parseId(params['id'] ?? '');
  if (id === null) throw redriveNotFound();
  return id;
}

function redriveNotFound(): ApiError {
  return new ApiError('not_found', 'there is no redrive of this id');
}
