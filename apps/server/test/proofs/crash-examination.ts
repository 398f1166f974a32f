import type { JobPage, JobView } from '@ezthrottle/core/protocol';
import type { CrashLoad } from './crash-load.ts';
import type { Outside } from './crash-outside.ts';
import { childContradictionsOf, contradictionsOf, isGivenUp } from './crash-record.ts';
import { pause } from './pause.ts';
import { headersOf, type ServerPlace, type ServerProcess } from './server-process.ts';

const DRAIN_MS = 120_000;
const PAGE = 100;

export interface Examined {
  readonly accepted: number;
  /** Submits whose answer a kill took away; they were repeated. */
  readonly unanswered: number;
  readonly calls: number;
  /** Attempts whose outcome a kill hid, and that were made again under another number. */
  readonly repeatedAttempts: number;
  readonly deliveries: number;
  readonly repeatedDeliveries: number;
  readonly spawned: number;
  /** Jobs that were given up since too many kills had hit their calls. */
  readonly givenUp: number;
  /** What contradicts the promises. */
  readonly contradictions: readonly string[];
}

/** Waits until all is done, and compares the whole record with what was seen outside. */
export async function examine(
  server: ServerProcess,
  place: ServerPlace,
  load: CrashLoad,
  outside: Outside,
): Promise<Examined> {
  const ask = async <T>(path: string): Promise<T | null> => {
    const response = await fetch(`${server.url}/api/v1/${path}`, { headers: headersOf(place) });
    const text = await response.text();
    return response.ok ? JSON.parse(text) : null;
  };
  const contradictions = [...load.contradictions];
  if (!(await isDrained(ask))) contradictions.push('jobs were unfinished long after the last kill');
  const numbers = new Map([...load.accepted].map(([number, id]) => [id, number]));
  if (numbers.size !== load.accepted.size) contradictions.push('two keys have one job');
  const views = new Map<string, JobView>();
  for await (const id of allJobs(ask)) {
    const view = await settledView(ask, id);
    if (view === null) contradictions.push(`job ${id} is listed and not found`);
    else views.set(id, view);
  }
  for (const [id, number] of numbers) {
    const view = views.get(id);
    if (view === undefined) contradictions.push(`job ${number} (${id}) was accepted and is lost`);
    else contradictions.push(...contradictionsOf(view, number, outside));
  }
  let spawned = 0;
  const children = new Set(
    [...views.values()].flatMap((view) => view.children.map((child) => child.job_id)),
  );
  for (const [id, view] of views) {
    if (numbers.has(id)) continue;
    spawned += 1;
    if (!children.has(id)) contradictions.push(`job ${id} was neither accepted nor spawned`);
    contradictions.push(...childContradictionsOf(view, outside));
  }
  const attempts = [...views.values()].flatMap((view) => view.attempts);
  const arrived = [...outside.deliveries.values()];
  return {
    accepted: load.accepted.size,
    unanswered: load.unanswered,
    calls: [...outside.calls.values()].flat().length,
    repeatedAttempts: attempts.filter(({ outcome }) => outcome === 'unknown').length,
    deliveries: arrived.length,
    repeatedDeliveries: arrived.flat().length - arrived.length,
    spawned,
    givenUp: [...views.values()].filter(isGivenUp).length,
    contradictions,
  };
}

type Ask = <T>(path: string) => Promise<T | null>;

async function isDrained(ask: Ask): Promise<boolean> {
  const until = performance.now() + DRAIN_MS;
  while (performance.now() < until) {
    const page = await ask<JobPage>('jobs?state=pending,scheduled,processing&limit=1');
    if (page?.jobs.length === 0) return true;
    await pause(50);
  }
  return false;
}

async function* allJobs(ask: Ask): AsyncGenerator<string> {
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: JobPage | null = await ask<JobPage>(
      `jobs?limit=${PAGE}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    for (const { job_id: id } of page?.jobs ?? []) yield id;
    cursor = page?.next_cursor ?? null;
  }
}

/** The record of a job whose deliveries have come to an end. */
async function settledView(ask: Ask, id: string): Promise<JobView | null> {
  const until = performance.now() + DRAIN_MS;
  for (;;) {
    const view = await ask<JobView>(`jobs/${id}`);
    const isSettled = view?.deliveries.every(({ state }) => state !== 'pending') ?? true;
    if (isSettled || performance.now() > until) return view;
    await pause(50);
  }
}
