import type { Clock, DeliveryRecord, JobEnd, SettleDeliveryOperation } from '@ezthrottle/engine';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { AnswerSignal, CallSignal, SignalledJob, Signals } from '../signals.ts';
import { Busiest } from './busiest.ts';
import { type OutcomeClass, outcomeClass, statusClass } from './outcome-class.ts';
import { createScrape, type ScrapeReads } from './scrape.ts';

/** What is counted for one destination of an organization. */
export type DestinationTally = Map<OutcomeClass, number>;

/** What is counted for one limit that jobs name. */
export interface LimitTally {
  calls: number;
}

export interface RequestFacts {
  readonly method: string;
  /** Its pattern, such as `/api/v1/jobs/:id`; null: none matched. */
  readonly route: string | null;
  readonly status: number;
  readonly seconds: number;
}

/** Counts what happens, and says it in the text format of Prometheus. */
export interface Metrics {
  readonly signals: Signals;
  committed(operations: number, milliseconds: number): void;
  refused(reason: string): void;
  requested(request: RequestFacts): void;
  hookFailed(hook: string): void;
  /** @param reads Where the moment's figures come from. */
  text(reads: ScrapeReads): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  readonly clock: Clock;
  readonly version: string;
  /** Destinations, and limits, that have series of their own; the others share one. */
  readonly mostNames: number;
}

/** Seconds: from what a fast answer takes to the longest that a call may. */
const CALL_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Seconds: a job may wait for hours. */
const WAIT_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 43_200];
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const COMMIT_OPERATIONS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

export function createMetrics({ clock, version, mostNames }: MetricsOptions): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const registers = [register];
  const destinations = new Busiest<DestinationTally>({
    most: mostNames,
    create: () => new Map(),
    fold: (into, from) => {
      for (const [outcome, calls] of from) into.set(outcome, (into.get(outcome) ?? 0) + calls);
    },
  });
  const limits = new Busiest<LimitTally>({
    most: mostNames,
    create: () => ({ calls: 0 }),
    fold: (into, from) => {
      into.calls += from.calls;
    },
  });
  const taken = new Counter({
    name: 'ezthrottle_jobs_accepted_total',
    help: 'Jobs that were taken in: submitted, or spawned by another job',
    labelNames: ['by'],
    registers,
  });
  const ended = new Counter({
    name: 'ezthrottle_jobs_ended_total',
    help: 'Jobs that have ended, by their state',
    labelNames: ['state'],
    registers,
  });
  const jobSeconds = new Histogram({
    name: 'ezthrottle_job_duration_seconds',
    help: 'From the acceptance of a job to its end',
    labelNames: ['state'],
    buckets: WAIT_SECONDS,
    registers,
  });
  const waitSeconds = new Histogram({
    name: 'ezthrottle_job_wait_seconds',
    help: 'From the moment at which a job may start to its first call',
    buckets: WAIT_SECONDS,
    registers,
  });
  const callSeconds = new Histogram({
    name: 'ezthrottle_attempt_duration_seconds',
    help: 'Duration of calls to targets, by what they gave',
    labelNames: ['outcome'],
    buckets: CALL_SECONDS,
    registers,
  });
  const deliverySeconds = new Histogram({
    name: 'ezthrottle_delivery_attempt_duration_seconds',
    help: 'Duration of calls to webhook endpoints, by what they gave',
    labelNames: ['outcome'],
    buckets: CALL_SECONDS,
    registers,
  });
  const deliveries = new Counter({
    name: 'ezthrottle_deliveries_ended_total',
    help: 'Deliveries that have ended: delivered, or dead (dead letters)',
    labelNames: ['state', 'reason'],
    registers,
  });
  const refusals = new Counter({
    name: 'ezthrottle_admission_refusals_total',
    help: 'Submits turned away for want of room, by the bound that was reached',
    labelNames: ['reason'],
    registers,
  });
  const requests = new Counter({
    name: 'ezthrottle_http_requests_total',
    help: 'Requests to the API that were answered',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'ezthrottle_http_request_duration_seconds',
    help: 'From the head of a request to the API to the end of its answer',
    labelNames: ['route'],
    buckets: CALL_SECONDS,
    registers,
  });
  const commitOperations = new Histogram({
    name: 'ezthrottle_commit_operations',
    help: 'Writes that share one transaction',
    buckets: COMMIT_OPERATIONS,
    registers,
  });
  const commitSeconds = new Histogram({
    name: 'ezthrottle_commit_duration_seconds',
    help: 'Duration of a transaction, its flush to the disk included',
    buckets: COMMIT_SECONDS,
    registers,
  });
  const hookFailures = new Counter({
    name: 'ezthrottle_hook_failures_total',
    help: 'Calls of lifecycle hooks that failed or were dropped',
    labelNames: ['hook'],
    registers,
  });
  const scrape = createScrape({ register, clock, version, destinations, limits });

  const signals: Signals = {
    queued({ parent }: SignalledJob) {
      taken.inc({ by: parent === null ? 'submit' : 'parent' });
    },
    called({ job, path, attempt, acceptedAt }: CallSignal) {
      for (const { key } of path.limits ?? []) {
        limits.use(nameOf(job.organization, key)).calls += 1;
      }
      if (attempt > 1) return;
      const mayStartAt = Math.max(acceptedAt, job.spec.notBefore ?? 0);
      waitSeconds.observe(Math.max(0, clock.now() - mayStartAt) / 1_000);
    },
    answered({ organization, origin, report }: AnswerSignal) {
      const outcome = outcomeClass(report.outcome);
      const tally = destinations.use(nameOf(organization, origin));
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
      callSeconds.observe({ outcome }, secondsOf(report));
    },
    ended(_job: SignalledJob, { state, at }: JobEnd, acceptedAt: number) {
      ended.inc({ state });
      jobSeconds.observe({ state }, Math.max(0, at - acceptedAt) / 1_000);
    },
    delivered(_delivery: DeliveryRecord, settled: SettleDeliveryOperation) {
      const { next, statusCode } = settled;
      const outcome = statusCode === null ? 'no_answer' : statusClass(statusCode);
      deliverySeconds.observe({ outcome }, secondsOf(settled));
      if (next.state === 'delivered') deliveries.inc({ state: 'delivered', reason: '' });
      if (next.state === 'dead') {
        deliveries.inc({ state: 'dead', reason: next.reason ?? 'unknown' });
      }
    },
    deliveryEnded(_delivery: DeliveryRecord, reason: string) {
      deliveries.inc({ state: 'dead', reason });
    },
  };
  return {
    signals,
    committed(operations, milliseconds) {
      commitOperations.observe(operations);
      commitSeconds.observe(milliseconds / 1_000);
    },
    refused: (reason) => refusals.inc({ reason }),
    requested({ method, route, status, seconds }) {
      requests.inc({ method, route: route ?? 'none', status: String(status) });
      requestSeconds.observe({ route: route ?? 'none' }, seconds);
    },
    hookFailed: (hook) => hookFailures.inc({ hook }),
    text: (reads) => scrape(reads),
    contentType: register.contentType,
  };
}

/** What tells destinations and limits of several organizations apart. */
function nameOf(organization: string, name: string): string {
  return `${organization} ${name}`;
}

function secondsOf({ startedAt, endedAt }: { startedAt: number; endedAt: number }): number {
  return Math.max(0, endedAt - startedAt) / 1_000;
}
