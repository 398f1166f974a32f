import { newJob, newSpec } from '@ezthrottle/testkit/store-data';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { describe, expect, test } from 'vitest';
import type { CallSignal } from '../signals.ts';
import { createTracing } from './tracing.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SUBMIT_ID = 'b7ad6b7169203331';

function tracing() {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  return { exporter, ...createTracing(provider.getTracer('test')) };
}

const LEG = {
  id: 0,
  path: 0,
  region: 'local',
  triedRegions: [],
  retries: 0,
  reroutes: 0,
  unknowns: 0,
  heldBack: 0,
  state: 'armed',
  attempt: 1,
  token: 'token',
} as const;

interface Case {
  readonly attempt?: number;
  readonly leg?: object;
  readonly redriveOf?: string;
  readonly parent?: { readonly id: string; readonly edge: string };
  readonly flags?: '00' | '01';
}

function callOf({ attempt = 1, leg = {}, redriveOf, parent, flags = '01' }: Case): CallSignal {
  const trace = { parent: `00-${TRACE_ID}-${SUBMIT_ID}-${flags}` };
  const spec = { ...newSpec(), trace, ...(redriveOf !== undefined && { redriveOf }) };
  const job = { ...newJob(), spec, parent: parent ?? null };
  const [path] = spec.paths;
  return { job, path, leg: { ...LEG, ...leg }, attempt, token: 'token', acceptedAt: 0 };
}

const answered = (status: number) => ({
  token: 'token',
  outcome: { kind: 'response', status, headers: {} } as const,
  response: null,
  startedAt: 1,
  endedAt: 2,
});
const place = { jobId: 'job', attempt: 1, organization: 'org', origin: 'o', region: 'local' };

function spanOf(given: Case) {
  const { exporter, signals } = tracing();
  signals.called?.(callOf(given));
  signals.answered?.({ ...place, report: answered(200) });
  return exporter.getFinishedSpans()[0];
}

describe('the span of an attempt', () => {
  test('is a child of the submit for the first one', () => {
    const span = spanOf({});
    expect(span?.spanContext().traceId).toBe(TRACE_ID);
    expect(span?.parentSpanContext?.spanId).toBe(SUBMIT_ID);
    expect(span?.links).toEqual([]);
  });

  test.each<[string, Case]>([
    ['retry', { attempt: 2, leg: { retries: 1 } }],
    ['retry', { attempt: 2, leg: { unknowns: 1 } }],
    ['retry', { attempt: 2, leg: { heldBack: 1 } }],
    ['reroute', { attempt: 2, leg: { reroutes: 1, region: 'other' } }],
    ['race', { attempt: 2, leg: { id: 1, region: 'other' } }],
    ['hedge', { attempt: 2, leg: { id: 1, isHedge: true } }],
    ['fallback', { attempt: 2, leg: { id: 1, path: 1 } }],
    ['spawned', { parent: { id: 'parent', edge: 'on_success' } }],
    ['redrive', { redriveOf: 'dead' }],
  ])('is linked to the submit in a trace of its own for a %s: %o', (cause, given) => {
    const span = spanOf(given);
    expect(span?.spanContext().traceId).not.toBe(TRACE_ID);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.links).toMatchObject([
      {
        context: { traceId: TRACE_ID, spanId: SUBMIT_ID },
        attributes: { 'ezthrottle.link': cause },
      },
    ]);
  });

  test('does not exist where the submit was not recorded', () => {
    expect(spanOf({ flags: '00' })).toBeUndefined();
  });

  test('is no error for a call that we stopped ourselves', () => {
    const { exporter, signals } = tracing();
    signals.called?.(callOf({}));
    const report = { ...answered(0), outcome: { kind: 'aborted' } as const };
    signals.answered?.({ ...place, report });
    const [span] = exporter.getFinishedSpans();
    expect(span?.status.code).toBe(0);
    expect(span?.attributes['ezthrottle.aborted']).toBe(true);
  });
});
