import { VERSION } from '../../version.ts';
import { createTracing, type Tracing } from './tracing.ts';

export interface OpenTracingOptions {
  readonly endpoint: string | null;
  readonly samplePercent: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onError: (message: string) => void;
}

export interface OpenedTracing {
  readonly tracing: Tracing;
  close(): Promise<void>;
}

/** Under it the API of OpenTelemetry keeps what was registered with it, whichever copy of it was used. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

/**
 * Traces go where the configuration says, or OpenTelemetry's own variables; else to the provider that a module
 * has registered which was loaded before (`node --import`). Null: nobody wants any, and nothing is loaded.
 */
export async function openTracing(options: OpenTracingOptions): Promise<OpenedTracing | null> {
  const { endpoint, environment } = options;
  if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return null;
  const isNamed =
    endpoint !== null ||
    isSet(environment['OTEL_EXPORTER_OTLP_ENDPOINT']) ||
    isSet(environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']);
  if (isNamed) {
    const { createOtlpTracer } = await import('./otlp.ts');
    const otlp = createOtlpTracer({
      ...options,
      version: VERSION,
      serviceName: environment['OTEL_SERVICE_NAME'] ?? 'ezthrottle',
    });
    return { tracing: createTracing(otlp.tracer), close: () => otlp.close() };
  }
  if (!Reflect.has(globalThis, REGISTERED)) return null;
  const { trace } = await import('@opentelemetry/api');
  const tracer = trace.getTracer('@ezthrottle/server', VERSION);
  return { tracing: createTracing(tracer), close: async () => undefined };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
