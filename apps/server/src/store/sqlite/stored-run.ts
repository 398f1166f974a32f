import type { Leg, PathState, RunState } from '@ezthrottle/engine';
import { elided } from './elided.ts';

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

/**
 * A run as its row holds it: most jobs have one path with one leg, which waits since it was accepted.
 */
export function storedRun(run: RunState, createdAt: number): string {
  const { legs, paths, ...rest } = run;
  return JSON.stringify({
    ...elided(rest, { ...USUAL_RUN, acceptedAt: createdAt }),
    legs: legs.map((leg, id) => {
      const stored = elided(leg, { ...USUAL_LEG, id });
      if (leg.state !== 'waiting' || leg.readyAt !== createdAt) return stored;
      const { state: _state, readyAt: _readyAt, ...usual } = stored;
      return usual;
    }),
    ...(!isUsualStart(paths) && { paths }),
  });
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
