import type { Clock } from '@ezthrottle/engine';
import type { AnsweredRequest } from '../api/http-server.ts';
import type { CommitWatch } from '../commit/committer.ts';
import type { Config } from '../config.ts';
import { VERSION } from '../version.ts';
import type { Metrics } from './metrics/metrics.ts';
import { openMetricsServer } from './metrics/metrics-server.ts';
import type { ScrapeReads } from './metrics/scrape.ts';
import { hookFailures } from './hooks/hook-failures.ts';
import {
  createHookSignals,
  type HookSignals,
  type StateOfDestination,
} from './hooks/hook-signals.ts';
import { loadHooks } from './hooks/load-hooks.ts';
import { type OpenedTracing, openTracing } from './tracing/open-tracing.ts';
import type { Tracing } from './tracing/tracing.ts';
import { logSignals } from './log-signals.ts';
import { allSignals, type Signals } from './signals.ts';

/** The part of pino's logger that observation uses. */
export interface ObservationLogger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface ObservationOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: ObservationLogger;
  /** Where OpenTelemetry's own variables are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface ObservationReads extends ScrapeReads {
  readonly stateOf: StateOfDestination;
}

/** What watches the server. What is not configured is absent: the parts then have nothing to tell. */
export interface Observation {
  readonly signals: Signals;
  readonly tracing: Tracing | undefined;
  readonly commits: CommitWatch | undefined;
  readonly refused: ((reason: string) => void) | undefined;
  readonly answered: ((request: AnsweredRequest) => void) | undefined;
  /** Starts what looks at the parts, once they run; the function stops it. */
  open(reads: ObservationReads): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Nothing is loaded of what is not configured. */
export async function createObservation(options: ObservationOptions): Promise<Observation> {
  const { config, clock, logger } = options;
  const metrics = await metricsOf(options);
  const closers: (() => Promise<void>)[] = [];
  const opened = await tracingOf(options);
  if (opened !== null) closers.push(() => opened.close());
  const hooks = await hooksOf(options, metrics);
  const signals = [metrics?.signals, opened?.tracing.signals, hooks?.signals].filter(
    (one) => one !== undefined,
  );
  const isDetailed = config.logLevel === 'debug' || config.logLevel === 'trace';
  signals.push(logSignals(logger, isDetailed));
  return {
    signals: allSignals(signals),
    tracing: opened?.tracing,
    commits:
      metrics === null
        ? undefined
        : { clock, committed: (...given) => metrics.committed(...given) },
    refused: metrics === null ? undefined : (reason) => metrics.refused(reason),
    answered: answeredBy(metrics, config.accessLog ? logger : null),
    async open(reads) {
      const stopHooks = hooks?.open(reads.stateOf);
      if (stopHooks !== undefined) closers.push(async () => stopHooks());
      if (metrics === null || config.metrics === null) return async () => undefined;
      const server = await openMetricsServer({
        ...config.metrics,
        token: config.metricsToken,
        contentType: metrics.contentType,
        text: () => metrics.text(reads),
        onError: (error) => {
          logger.error({ event: 'metrics_failed', err: error }, 'the metrics could not be read');
        },
      });
      if (config.metricsToken === null && !isLoopback(config.metrics.host)) {
        const { host } = config.metrics;
        logger.warn(
          { event: 'metrics_open', host },
          'metrics are served to everybody who reaches this address: set a token',
        );
      }
      logger.info({ event: 'metrics_served', url: server.url }, 'metrics are served');
      return () => server.close();
    },
    async close() {
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
    },
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

async function metricsOf({ config, clock }: ObservationOptions): Promise<Metrics | null> {
  if (config.metrics === null) return null;
  const { createMetrics } = await import('./metrics/metrics.ts');
  return createMetrics({ clock, version: VERSION, mostNames: config.metricsNames });
}

async function hooksOf(
  { config, clock, logger }: ObservationOptions,
  metrics: Metrics | null,
): Promise<HookSignals | null> {
  if (config.hooks === null) return null;
  const hooks = await loadHooks(config.hooks);
  const failures = hookFailures({ clock, logger });
  return createHookSignals({
    hooks,
    clock,
    onFailed(hook, error) {
      metrics?.hookFailed(hook);
      failures.tell(hook, error);
    },
  });
}

function tracingOf({
  config,
  environment,
  logger,
}: ObservationOptions): Promise<OpenedTracing | null> {
  return openTracing({
    endpoint: config.otlpEndpoint,
    samplePercent: config.traceSamplePercent,
    environment,
    onError: (reason) => {
      logger.warn({ event: 'traces_not_sent', reason }, 'traces could not be sent');
    },
  });
}

function answeredBy(
  metrics: Metrics | null,
  accessLog: ObservationLogger | null,
): Observation['answered'] {
  if (metrics === null && accessLog === null) return undefined;
  return (request) => {
    metrics?.requested(request);
    accessLog?.info({ event: 'request', ...request }, 'a request was answered');
  };
}
