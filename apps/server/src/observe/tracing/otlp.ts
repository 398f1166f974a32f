import { diag, DiagLogLevel, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

export interface OtlpOptions {
  /** Null: what the variables of OpenTelemetry say. */
  readonly endpoint: string | null;
  readonly samplePercent: number;
  readonly version: string;
  readonly serviceName: string;
  readonly onError: (message: string) => void;
}

export interface OtlpTracer {
  readonly tracer: Tracer;
  /** Sends what is left, if somebody takes it in time. */
  close(): Promise<void>;
}

const CLOSE_MS = 2_000;
const EXPORT_MS = 10_000;

/** Sends spans in batches to an OpenTelemetry collector. What it cannot send in time is dropped, never waited for. */
export function createOtlpTracer(options: OtlpOptions): OtlpTracer {
  const { endpoint, samplePercent, version, serviceName, onError } = options;
  const logger = { error: onError, warn: onError, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const url = endpoint === null ? {} : { url: `${endpoint.replace(/\/+$/, '')}/v1/traces` };
  const own = { 'service.name': serviceName, 'service.version': version };
  const provider = new TracerProvider({
    resource: resourceFromAttributes(own).merge(detectResources({ detectors: [envDetector] })),
    sampler: new SubmitSampler(samplePercent / 100),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ ...url, timeoutMillis: EXPORT_MS }),
        scheduledDelayMillis: 1_000,
      }),
    ],
  });
  return {
    tracer: provider.getTracer('@ezthrottle/server', version),
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const inTime = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      const sent = provider.shutdown().catch((error: unknown) => onError(String(error)));
      await Promise.race([sent, inTime]);
      clearTimeout(timer);
    },
  };
}

function ignore(): void {
  // Nothing that an operator could act upon.
}

/** Decides about a submit, unless its caller has. What is linked to a submit that is recorded is, too. */
class SubmitSampler implements Sampler {
  readonly #ofSubmits: Sampler;

  constructor(ratio: number) {
    this.#ofSubmits = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }

  shouldSample(...given: Parameters<Sampler['shouldSample']>): ReturnType<Sampler['shouldSample']> {
    const links = given[5];
    if (links.length > 0) return { decision: SamplingDecision.RECORD_AND_SAMPLED };
    return this.#ofSubmits.shouldSample(...given);
  }

  toString(): string {
    return `SubmitSampler{${this.#ofSubmits.toString()}}`;
  }
}
