// Jobs as a node writes them, for what is measured at the store: without HTTP, and without calls.

import type {
  ArmedAttempt,
  Leg,
  LiveJob,
  NewJob,
  Operation,
  Store,
  WorkRow,
} from '@ezthrottle/engine';
import {
  API_KEY,
  endingAdvance,
  newAdvance,
  newArmed,
  newClaim,
  newDelivery,
  newEnd,
  newEnded,
  newJob,
  newPath,
  newRun,
  newSpec,
  newWork,
  ORGANIZATION,
} from '@ezthrottle/testkit/store-data';
import { systemClock } from '../../../apps/server/src/clock.ts';
import { createNewId } from '../../../apps/server/src/new-id.ts';
import { workOf } from '../work.ts';

const ORIGIN = 'https://api.example.com';
const PLACE = { target: ORIGIN, receiver: 'https://app.example.com' };
const LINE = { organization: ORGANIZATION.id, apiKey: API_KEY.id, userId: '', origin: ORIGIN };
/** What one transaction carries: as many jobs as a node has at hand in a flood. */
export const BATCH = 100;

const newId = createNewId(systemClock);

/** The tenant that all of these jobs belong to. */
export async function putTenant(store: Store): Promise<void> {
  await store.commit([
    { type: 'put_organization', organization: ORGANIZATION },
    { type: 'put_api_key', apiKey: API_KEY },
  ]);
}

/** A job in line, with a body of 180 bytes and one webhook. */
export function jobOf(number: number): NewJob {
  const id = newId();
  const at = Date.now();
  const { body, headers, webhooks } = workOf(PLACE, `stored-${number}`, 180);
  const path = newPath({
    url: `${ORIGIN}/charges`,
    origin: ORIGIN,
    headers,
    body: { encoding: 'utf8', data: body },
  });
  const leg = { id: 0, path: 0, region: 'local', triedRegions: [], retries: 0, reroutes: 0 };
  return newJob({
    id,
    createdAt: at,
    spec: newSpec({
      paths: [path],
      webhooks: webhooks.map(({ url }) => ({
        url,
        hasQuorumVote: true,
        receivesContinuation: true,
        regions: [],
      })),
    }),
    run: newRun({
      acceptedAt: at,
      paths: [{ state: 'running', startedAt: null }],
      legs: [{ ...leg, unknowns: 0, heldBack: 0, state: 'waiting', readyAt: at }],
    }),
    work: [newWork({ origin: ORIGIN, readyAt: at, rank: at })],
    // A digest of the request, as it is where the client names no key; free again as soon as it has ended.
    idempotency: newClaim(id, { scope: '', fingerprint: id, windowMs: 0 }),
  });
}

export async function submitJobs(store: Store, jobs: readonly NewJob[]): Promise<void> {
  await commitAll(
    store,
    jobs.map((job) => ({ type: 'submit', job })),
  );
}

/** A job that was taken from the line, and the attempt that is made. */
interface Claimed {
  readonly job: Pick<LiveJob, 'id' | 'run' | 'version'>;
  readonly attempt: ArmedAttempt;
}

/**
 * Takes jobs from the head of the line and settles them as a node does: reads the next ones while it writes, puts
 * the attempts that end into the transaction that arms those which begin, and has as many transactions under
 * way as the store takes.
 */
export async function claimAndSettle(store: Store, jobs: number): Promise<void> {
  const line = new LineReader(store, jobs);
  const lane = async (): Promise<void> => {
    let calling: readonly Claimed[] = [];
    let next = line.next();
    for (;;) {
      const live = await next;
      if (live.length + calling.length === 0) return;
      const claimed = live.map((job) => ({ job, attempt: attemptOf(job) }));
      next = line.next();
      await commitAll(store, [...calling.map(settled), ...claimed.map(armed)]);
      calling = claimed;
    }
  };
  await Promise.all(Array.from({ length: store.commitsAtOnce ?? 1 }, lane));
}

/** Reads a line from its head, a hundred jobs at a time, whoever asks. */
class LineReader {
  readonly #store: Store;
  #left: number;
  #after: Promise<WorkRow | null> = Promise.resolve(null);

  constructor(store: Store, jobs: number) {
    this.#store = store;
    this.#left = jobs;
  }

  /** Nothing when all were given. */
  async next(): Promise<readonly LiveJob[]> {
    const wanted = Math.min(BATCH, this.#left);
    if (wanted === 0) return [];
    this.#left -= wanted;
    const read = this.#after.then((after) => this.#store.work.ready(LINE, after, wanted));
    this.#after = read.then((rows) => rows.at(-1) ?? null);
    const rows = await read;
    if (rows.length < wanted) throw new Error('there were fewer jobs than put in');
    return this.#store.jobs.live(rows.map(({ jobId }) => jobId));
  }
}

/** Jobs through their whole life, and away: one transaction for each step of a hundred of them. */
export async function liveAndPrune(store: Store, jobs: readonly NewJob[]): Promise<void> {
  await submitJobs(store, jobs);
  const claimed = jobs.map((job): Claimed => {
    const live = { id: job.id, run: job.run, version: 1 };
    return { job: live, attempt: attemptOf(live) };
  });
  await commitAll(store, claimed.map(armed));
  const deliveries = jobs.map(() =>
    newDelivery({ id: newId(), url: `${PLACE.receiver}/deliveries` }),
  );
  await commitAll(
    store,
    claimed.map((each, index) => ({
      ...settled(each),
      deliveries: deliveries.slice(index, index + 1),
    })),
  );
  const at = Date.now();
  const delivered = { statusCode: 200, error: null, startedAt: at, endedAt: at };
  await commitAll(
    store,
    deliveries.map(({ id }) => ({
      type: 'settle_delivery',
      deliveryId: id,
      attempt: 1,
      ...delivered,
      next: { state: 'delivered' },
    })),
  );
}

/** Removes what has ended, but for the newest. @returns How many went. */
export async function prune(store: Store, endedBefore: number, limit: number): Promise<number> {
  const [verdict] = await store.commit([
    { type: 'prune', now: Date.now(), jobsEndedBefore: endedBefore, limit },
  ]);
  return verdict?.verdict === 'ok' ? (verdict.count ?? 0) : 0;
}

function attemptOf({ id }: Pick<LiveJob, 'id'>): ArmedAttempt {
  return newArmed({ token: id, url: `${ORIGIN}/charges`, armedAt: Date.now() });
}

function armed({ job, attempt }: Claimed): Operation & { readonly type: 'advance' } {
  const { attempt: number, token, armedAt } = attempt;
  const legs = job.run.legs.map(
    ({ id, path, region, triedRegions, retries, reroutes, unknowns, heldBack }): Leg => ({
      id,
      path,
      region,
      triedRegions,
      retries,
      reroutes,
      unknowns,
      heldBack,
      state: 'armed',
      attempt: number,
      token,
    }),
  );
  return newAdvance(job.id, job.version, {
    run: { ...job.run, state: 'processing', attempts: number, legs },
    putWork: [newWork({ origin: ORIGIN, state: 'armed', readyAt: armedAt })],
    armed: [attempt],
  });
}

function settled({ job, attempt }: Claimed): Operation & { readonly type: 'advance' } {
  const at = Date.now();
  const response = {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: '{"id":"ch_1","status":"succeeded"}',
    bodyEncoding: 'utf8' as const,
    truncated: false,
  };
  return endingAdvance(job.id, job.version + 1, newEnd({ at, attempt: 1 }), {
    ended: [newEnded({ token: attempt.token, startedAt: attempt.armedAt, endedAt: at, response })],
  });
}

async function commitAll(store: Store, operations: readonly Operation[]): Promise<void> {
  if (operations.length === 0) return;
  const verdicts = await store.commit(operations);
  const refused = verdicts.find(({ verdict }) => verdict !== 'ok');
  if (refused !== undefined) throw new Error(`not written: ${JSON.stringify(refused)}`);
}
