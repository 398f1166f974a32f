import { trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, test } from 'vitest';
import { openTracing } from './open-tracing.ts';

const NOBODY = {
  endpoint: null,
  samplePercent: 100,
  environment: {},
  onError: () => undefined,
} as const;

afterEach(() => trace.disable());

describe('traces', () => {
  test('are of no interest where nobody has asked for them', async () => {
    expect(await openTracing(NOBODY)).toBeNull();
  });

  test.each(['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'])(
    'are made where %s is set',
    async (name) => {
      const environment = { [name]: 'http://127.0.0.1:9' };
      const opened = await openTracing({ ...NOBODY, environment });
      expect(opened).not.toBeNull();
      await opened?.close();
    },
  );

  test('are not where OpenTelemetry is switched off', async () => {
    const environment = { OTEL_SDK_DISABLED: 'true' };
    const endpoint = 'http://127.0.0.1:9';
    expect(await openTracing({ ...NOBODY, environment, endpoint })).toBeNull();
  });

  test('go to the provider that was registered before', async () => {
    const exporter = new InMemorySpanExporter();
    const spanProcessors = [new SimpleSpanProcessor({ exporter })];
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors }));
    const opened = await openTracing(NOBODY);
    opened?.tracing.submit(null, 'job', '/api/v1/jobs').ended(201, 'job');
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['POST /api/v1/jobs']);
  });
});
