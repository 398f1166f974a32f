import type { Leg, PathState, RunState } from '@ezthrottle/engine';
import { eliding } from './elided.ts';

// These say what a stored run leaves out, so they never change.
const USUAL_RUN = { state: 'pending', attempts: 0, lastStartedPath: 0, end: null } as const;
const USUAL_LEG = {
  path: 0,
  triedRegions: [],
  retries: 0,
  reroutes: 0,
  unknowns: 0,
  heldBack: 0,
} as const;

/** Without a state: it waits, and has since the job was created. */
type StoredLeg = Leg | (Pick<Leg, 'region'> & { readonly state?: undefined });

const elidedRun = eliding(USUAL_RUN, ['legs', 'paths', 'acceptedAt']);
const elidedLeg = eliding(USUAL_LEG, ['id']);
/** A leg that waits since the job was created. */
const elidedFirstWait = eliding(USUAL_LEG, ['id', 'state', 'readyAt']);

/**
 * A run as its row holds it: most jobs have one path with one leg, which waits since it was accepted.
 */
export function storedRun(run: RunState, createdAt: number): string {
  const stored = elidedRun(run);
  if (run.acceptedAt !== createdAt) stored['acceptedAt'] = run.acceptedAt;
  stored['legs'] = run.legs.map((leg, index) => storedLeg(leg, index, createdAt));
  if (!isUsualStart(run.paths)) stored['paths'] = run.paths;
  return JSON.stringify(stored);
}

function storedLeg(leg: Leg, index: number, createdAt: number): object {
  const isFirstWait = leg.state === 'waiting' && leg.readyAt === createdAt;
  const stored = isFirstWait ? elidedFirstWait(leg) : elidedLeg(leg);
  if (leg.id !== index) stored['id'] = leg.id;
  return stored;
}

/** The run as it was; rows that an older server wrote hold it whole. */
export function restoredRun(data: string, createdAt: number): RunState {
  const stored: Partial<Omit<RunState, 'legs'>> & { readonly legs: readonly StoredLeg[] } =
    JSON.parse(data);
  return {
    ...USUAL_RUN,
    acceptedAt: createdAt,
    paths: USUAL_START,
    ...stored,
    legs: stored.legs.map((leg, id) =>
      leg.state === undefined
        ? { ...USUAL_LEG, id, ...leg, state: 'waiting', readyAt: createdAt }
        : { ...USUAL_LEG, ...leg, id: leg.id ?? id },
    ),
  };
}

const USUAL_START: readonly PathState[] = [{ state: 'running', startedAt: null }];

function isUsualStart(paths: readonly PathState[]): boolean {
  const [first] = paths;
  return paths.length === 1 && first?.state === 'running' && first.startedAt === null;
}
