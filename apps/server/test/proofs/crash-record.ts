import type { JobView } from '@ezthrottle/core/protocol';
import { type CrashKind, kindOf } from './crash-kinds.ts';

/** What was seen outside of the server: at targets and receivers. */
export interface CrashSightings {
  /** Calls by job id: the attempt number of each, in the order of arrival. */
  readonly calls: ReadonlyMap<string, readonly number[]>;
  /** Deliveries by delivery id: the life of the server in which each arrived. */
  readonly deliveries: ReadonlyMap<string, readonly number[]>;
}

/** Attempts whose outcome crashes hid, after which a job ends as `outcome_unknown`. */
const HIDDEN_BOUND = 4;

/**
 * Compares the record of one accepted job with what was seen outside.
 *
 * @returns What contradicts the promises; empty when nothing does.
 */
export function contradictionsOf(
  view: JobView,
  number: number,
  seen: CrashSightings,
): readonly string[] {
  const kind = kindOf(number);
  return [...endOf(view, kind), ...attemptsOf(view, seen), ...deliveriesOf(view, seen)].map(
    (what) => `${kind.name} job ${view.job_id}: ${what}`,
  );
}

/** The same for a job that another one led to. */
export function childContradictionsOf(view: JobView, seen: CrashSightings): readonly string[] {
  const isEnded = view.state === 'completed' || isGivenUp(view);
  return [
    ...(isEnded ? [] : [`ended as ${view.state}`]),
    ...attemptsOf(view, seen),
    ...deliveriesOf(view, seen),
  ].map((what) => `spawned job ${view.job_id}: ${what}`);
}

/** Whether so many crashes hit it that it was given up, as is promised. */
export function isGivenUp({ state, result, attempts }: JobView): boolean {
  const hidden = attempts.filter(({ outcome }) => outcome === 'unknown').length;
  return state === 'failed' && result?.error === 'outcome_unknown' && hidden >= HIDDEN_BOUND;
}

function endOf(view: JobView, kind: CrashKind): string[] {
  const wrong: string[] = [];
  const edges = view.children.map(({ edge }) => edge);
  if (isGivenUp(view)) {
    if (edges.some((edge) => edge !== 'on_failure')) wrong.push(`led to ${edges.join(', ')}`);
    return wrong;
  }
  if (view.state !== kind.state) wrong.push(`ended as ${view.state}`);
  if (edges.join() !== kind.children.join()) wrong.push(`led to [${edges.join(', ')}]`);
  const statuses = view.attempts.flatMap(({ status_code }) => status_code ?? []);
  const first = view.attempts[0]?.outcome === 'response' ? 'answered' : 'hidden';
  // A path that was given up fails as any other, and the fallback behind it starts.
  const hidden = view.attempts.filter(({ path, outcome }) => path === 0 && outcome === 'unknown');
  const expected = kind.statuses(first).slice(hidden.length >= HIDDEN_BOUND ? -1 : 0);
  if (statuses.join() !== expected.join()) {
    wrong.push(`was answered ${statuses.join(', ')} instead of ${expected.join(', ')}`);
  }
  return wrong;
}

function attemptsOf(view: JobView, { calls }: CrashSightings): string[] {
  const wrong: string[] = [];
  const sent = calls.get(view.job_id) ?? [];
  if (new Set(sent).size !== sent.length) {
    wrong.push(`an attempt number was sent twice: ${sent.join(', ')}`);
  }
  const recorded = new Map(view.attempts.map((attempt) => [attempt.attempt, attempt]));
  if (recorded.size !== view.attempts.length) wrong.push('an attempt number stands there twice');
  for (const attempt of sent) {
    if (!recorded.has(attempt)) wrong.push(`attempt ${attempt} was sent without being armed`);
  }
  for (const { attempt, outcome } of recorded.values()) {
    if (outcome === 'armed') wrong.push(`attempt ${attempt} has no outcome`);
    if (outcome === 'response' && !sent.includes(attempt)) {
      wrong.push(`attempt ${attempt} has an answer and was not sent`);
    }
  }
  return wrong;
}

function deliveriesOf(view: JobView, { deliveries }: CrashSightings): string[] {
  const wrong: string[] = [];
  const urls = new Set(view.deliveries.map(({ url }) => url));
  if (view.deliveries.length === 0) wrong.push('has no delivery');
  if (urls.size !== view.deliveries.length) wrong.push('has two deliveries to one receiver');
  for (const { delivery_id: id, state } of view.deliveries) {
    const lives = deliveries.get(id) ?? [];
    if (state !== 'delivered') wrong.push(`delivery ${id} is ${state}`);
    if (lives.length === 0) wrong.push(`delivery ${id} never arrived`);
    // Only a crash between the receiver's answer and its record makes the server send it again.
    if (new Set(lives).size !== lives.length) wrong.push(`delivery ${id} came twice in one life`);
  }
  if (view.quorum_reached_at === null) wrong.push('has no quorum');
  return wrong;
}
