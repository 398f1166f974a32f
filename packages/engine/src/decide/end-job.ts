import type { Effect } from '../job/effect.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { JobEnd, Leg, RunState } from '../job/run.ts';
import type { Decision } from './decision.ts';
import { withLeg, withPath } from './start-path.ts';

type Ending = Omit<JobEnd, 'triedPaths'>;

/** Ends the job as completed by what this path gave. */
export function complete(decision: Decision, spec: JobSpec, path: number, now: number): Decision {
  const winner = decision.run.legs.find(
    (leg) => leg.path === path && leg.state === 'ended' && leg.result === 'success',
  );
  const state = decision.run.paths[path];
  const startedAt = state === undefined || state.state === 'idle' ? null : state.startedAt;
  const run = withPath(decision.run, path, { state: 'succeeded', startedAt });
  const end: Ending = {
    state: 'completed',
    at: now,
    path,
    attempt: winner?.state === 'ended' ? winner.attempt : null,
    attempts: fanoutAttempts(spec, run, path),
    error: null,
  };
  return finish({ run, effects: decision.effects }, spec, end, successors(spec, path));
}

/** Ends the job as failed; the last response there was is its result. */
export function fail(decision: Decision, spec: JobSpec, error: string, now: number): Decision {
  const { run } = decision;
  const last = run.lastResponse ?? null;
  const end: Ending = {
    state: 'failed',
    at: now,
    path: last?.path ?? null,
    attempt: last?.attempt ?? null,
    attempts: last === null ? [] : fanoutAttempts(spec, run, last.path),
    error,
  };
  return finish(decision, spec, end, mourners(spec, run));
}

/** Ends the job because its owner asked for it: no result, no successors. */
export function cancel(decision: Decision, spec: JobSpec, error: string, now: number): Decision {
  const end: Ending = {
    state: 'cancelled',
    at: now,
    path: null,
    attempt: null,
    attempts: [],
    error,
  };
  return finish(decision, spec, end, []);
}

/** Takes a leg out of the line, or aborts its attempt. One that has ended is left alone. */
export function withdraw(decision: Decision, leg: Leg): Decision {
  if (leg.state === 'ended') return decision;
  const attempt = leg.state === 'armed' ? leg.attempt : null;
  const dropped: Leg = {
    id: leg.id,
    path: leg.path,
    region: leg.region,
    triedRegions: leg.triedRegions,
    retries: leg.retries,
    reroutes: leg.reroutes,
    unknowns: leg.unknowns,
    heldBack: leg.heldBack,
    state: 'ended',
    result: 'dropped',
    attempt,
    failure: null,
  };
  return {
    run: withLeg(decision.run, dropped),
    effects: [...decision.effects, { type: 'withdraw', leg: leg.id, attempt }],
  };
}

function finish(
  decision: Decision,
  spec: JobSpec,
  ending: Ending,
  spawns: readonly Effect[],
): Decision {
  const { run, effects } = decision.run.legs.reduce(withdraw, decision);
  const triedPaths = run.paths.flatMap(({ state }, path) => (state === 'idle' ? [] : [path]));
  const end: JobEnd = { ...ending, triedPaths };
  const deliveries = spec.webhooks.map((_, webhook): Effect => ({ type: 'deliver', webhook }));
  return {
    run: { ...run, state: end.state, end },
    effects: [...effects, { type: 'end', end }, ...spawns, ...deliveries],
  };
}

function successors(spec: JobSpec, winner: number): readonly Effect[] {
  return spec.paths.flatMap(({ onSuccess }, path): Effect[] =>
    onSuccess !== null && (path === 0 || path === winner)
      ? [{ type: 'spawn', edge: edgeName(path, 'on_success'), spec: onSuccess }]
      : [],
  );
}

function mourners(spec: JobSpec, run: RunState): readonly Effect[] {
  return spec.paths.flatMap(({ onFailure }, path): Effect[] =>
    onFailure !== null && (path === 0 || run.paths[path]?.state !== 'idle')
      ? [{ type: 'spawn', edge: edgeName(path, 'on_failure'), spec: onFailure }]
      : [],
  );
}

/** A child's place under its job, for example `on_success` or `fallback[0].on_failure`. */
function edgeName(path: number, edge: 'on_success' | 'on_failure'): string {
  return path === 0 ? edge : `fallback[${path - 1}].${edge}`;
}

function fanoutAttempts(spec: JobSpec, run: RunState, path: number): readonly number[] {
  if (spec.paths[path]?.executionMode !== 'fanout') return [];
  return run.legs.flatMap((leg) => {
    if (leg.path !== path || leg.state !== 'ended' || leg.attempt === null) return [];
    const hasResponse = leg.result === 'success' || leg.failure?.kind === 'status';
    return hasResponse ? [leg.attempt] : [];
  });
}
