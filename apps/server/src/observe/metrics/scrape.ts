import type { JobState } from '@ezthrottle/core/protocol';
import { type Clock, type Id, type LimitState, limitStateView } from '@ezthrottle/engine';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Busiest } from './busiest.ts';
import type { DestinationTally, LimitTally } from './metrics.ts';

/** A destination at which something goes on. */
export interface PlacedState extends LimitState {
  readonly organization: Id;
  readonly origin: string;
}

/** Where figures come from that are looked up when they are asked for. */
export interface ScrapeReads {
  jobs(): Promise<Readonly<Record<JobState, number>>>;
  /** When the job that came first of those in line came to be ready; null: none is in line. */
  oldestReadyAt(): Promise<number | null>;
  storeBytes(): Promise<number>;
  destinations(): Iterable<PlacedState>;
  limit(organization: Id, name: string): LimitState | null;
  calls(): { readonly inFlight: number; readonly activeJobs: number };
  deliveries(): { readonly running: number; readonly waiting: number };
}

export interface ScrapeOptions {
  readonly register: Registry;
  readonly clock: Clock;
  readonly version: string;
  readonly destinations: Busiest<DestinationTally>;
  readonly limits: Busiest<LimitTally>;
}

/** Stands for whatever has no series of its own. */
const OTHER = { organization: 'other', name: 'other' } as const;
const CIRCUITS = ['closed', 'open', 'probing', 'ramping'] as const;
/** Rates are shown per second, whatever the period of a limit's units is. */
const SECOND_MS = 1_000;

/** Makes the families whose figures are looked up; the function looks them up and writes all of the text. */
export function createScrape(options: ScrapeOptions): (reads: ScrapeReads) => Promise<string> {
  const { register, clock, version } = options;
  const gauge = gaugesIn(register);
  gauge('build_info', 'Which version runs', ['version']).set({ version }, 1);
  const jobs = gauge('jobs', 'Jobs in the store, by state', ['state']);
  const oldest = gauge('oldest_wait_seconds', 'Wait of the job that came first of those in line');
  const bytes = gauge('store_bytes', 'Size of the database');
  const calls = gauge('calls_in_flight', 'Calls to targets under way');
  const active = gauge('jobs_in_memory', 'Jobs with a call armed or under way, or a write');
  const running = gauge('deliveries_in_flight', 'Calls to webhook endpoints under way');
  const waiting = gauge('deliveries_waiting', 'Deliveries that wait for their turn');
  const circuits = gauge('circuits', 'Destinations by the state of their circuit', ['state']);
  const paused = gauge('destinations_paused', 'Destinations to which nothing is sent for now');
  const places = placeGauges(register, 'destination');
  const limitPlaces = placeGauges(register, 'limit');
  const attempts = new Counter({
    name: 'ezthrottle_attempts_total',
    help: 'Calls to targets that have ended, by what they gave',
    labelNames: ['organization', 'destination', 'outcome'],
    registers: [register],
  });
  const limitCalls = new Counter({
    name: 'ezthrottle_limit_calls_total',
    help: 'Calls that counted against a limit',
    labelNames: ['organization', 'limit'],
    registers: [register],
  });

  function lookAtDestinations(reads: ScrapeReads): void {
    const counts = { closed: 0, open: 0, probing: 0, ramping: 0 };
    const named = new Set(options.destinations.named().map(({ key }) => key));
    const rest = { waiting: 0, inFlight: 0 };
    let pausedNow = 0;
    places.reset();
    for (const state of reads.destinations()) {
      const { organization, origin } = state;
      const view = limitStateView(state, SECOND_MS, null, clock);
      counts[state.circuit.state] += 1;
      if (view.paused_until !== null) pausedNow += 1;
      if (named.has(`${organization} ${origin}`)) places.show({ organization, name: origin }, view);
      else {
        rest.waiting += view.waiting;
        rest.inFlight += view.in_flight;
      }
    }
    places.showRest(rest);
    for (const state of CIRCUITS) circuits.set({ state }, counts[state]);
    paused.set(pausedNow);
  }

  function lookAtLimits(reads: ScrapeReads): void {
    limitPlaces.reset();
    for (const { key } of options.limits.named()) {
      const place = placeOf(key);
      const state = reads.limit(place.organization, place.name);
      if (state !== null) limitPlaces.show(place, limitStateView(state, SECOND_MS, null, clock));
    }
  }

  function writeTallies(): void {
    attempts.reset();
    const { destinations, limits } = options;
    for (const { key, tally } of [
      ...destinations.named(),
      { key: null, tally: destinations.rest },
    ]) {
      const { organization, name: destination } = key === null ? OTHER : placeOf(key);
      for (const [outcome, count] of tally) {
        attempts.inc({ organization, destination, outcome }, count);
      }
    }
    limitCalls.reset();
    for (const { key, tally } of [...limits.named(), { key: null, tally: limits.rest }]) {
      const { organization, name: limit } = key === null ? OTHER : placeOf(key);
      limitCalls.inc({ organization, limit }, tally.calls);
    }
  }

  return async (reads) => {
    options.destinations.rank();
    options.limits.rank();
    const [counts, oldestAt, storeBytes] = await Promise.all([
      reads.jobs(),
      reads.oldestReadyAt(),
      reads.storeBytes(),
    ]);
    for (const [state, count] of Object.entries(counts)) jobs.set({ state }, count);
    oldest.set(oldestAt === null ? 0 : Math.max(0, clock.now() - oldestAt) / 1_000);
    bytes.set(storeBytes);
    const { inFlight, activeJobs } = reads.calls();
    calls.set(inFlight);
    active.set(activeJobs);
    const delivering = reads.deliveries();
    running.set(delivering.running);
    waiting.set(delivering.waiting);
    lookAtDestinations(reads);
    lookAtLimits(reads);
    writeTallies();
    return await register.metrics();
  };
}

interface Place {
  readonly organization: Id;
  readonly name: string;
}

function placeOf(key: string): Place {
  const end = key.indexOf(' ');
  return { organization: key.slice(0, end), name: key.slice(end + 1) };
}

function gaugesIn(register: Registry) {
  return <Label extends string = never>(
    name: string,
    help: string,
    labelNames: Label[] = [],
  ): Gauge<Label> =>
    new Gauge({ name: `ezthrottle_${name}`, help, labelNames, registers: [register] });
}

type View = ReturnType<typeof limitStateView>;

/** Where a destination or a limit stands, for those that have series of their own. */
function placeGauges(register: Registry, kind: 'destination' | 'limit') {
  const labels = ['organization', kind];
  const gauge = gaugesIn(register);
  const about = kind === 'destination' ? 'to a destination' : 'that count against a limit';
  const waiting = gauge(`${kind}_waiting`, `Calls ${about} in line that memory holds`, labels);
  const rate = gauge(`${kind}_rate`, `Pace of calls ${about}, per second`, labels);
  const tokens = gauge(`${kind}_tokens`, `Calls ${about} that could leave at once`, labels);
  const inFlight = gauge(`${kind}_in_flight`, `Calls ${about} under way`, labels);
  const most = gauge(`${kind}_concurrency`, `Calls ${about} allowed at one time`, labels);
  const paused = gauge(`${kind}_paused`, `1: no calls ${about} are sent for now`, labels);
  const open = gauge(`${kind}_circuit_open`, '1: taken for down', labels);
  const all = [waiting, rate, tokens, inFlight, most, paused, open];
  return {
    reset(): void {
      for (const each of all) each.reset();
    },
    show({ organization, name }: Place, view: View): void {
      const place = { organization, [kind]: name };
      waiting.set(place, view.waiting);
      rate.set(place, view.rate);
      tokens.set(place, view.tokens);
      inFlight.set(place, view.in_flight);
      most.set(place, view.concurrency);
      paused.set(place, view.paused_until === null ? 0 : 1);
      open.set(place, view.circuit === 'open' || view.circuit === 'probing' ? 1 : 0);
    },
    showRest(rest: { readonly waiting: number; readonly inFlight: number }): void {
      const place = { organization: OTHER.organization, [kind]: OTHER.name };
      waiting.set(place, rest.waiting);
      inFlight.set(place, rest.inFlight);
    },
  };
}
