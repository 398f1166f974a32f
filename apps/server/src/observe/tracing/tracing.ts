import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import type { DeliveryRecord, Id, JobSpec, Leg, Outcome, TraceContext } from '@ezthrottle/engine';
import type { CallSignal, Signals } from '../signals.ts';
import { attributesOf, failureOf, spanName } from './call-attributes.ts';
import { isSampled } from './trace-context.ts';

/** A job that is being handed over. */
export interface SubmitSpan {
  /** What is kept with the job; null: nothing, for the trace is not recorded. */
  readonly context: TraceContext | null;
  /** @param jobId The job that the submitter was told, which may be an older one. */
  ended(status: number, jobId: Id | null): void;
}

export interface DeliverySpan {
  readonly context: TraceContext;
  ended(outcome: Outcome): void;
}

/** Tells about jobs as spans. */
export interface Tracing {
  readonly signals: Signals;
  submit(incoming: TraceContext | null, jobId: Id, route: string): SubmitSpan;
  /** What the target of this call may be told; the call's span has begun with the signal. Null: it has none. */
  contextOf(token: string): TraceContext | null;
  /** Null: the job is not traced. */
  deliver(
    delivery: DeliveryRecord,
    spec: JobSpec,
    attempt: number,
    region: string,
  ): DeliverySpan | null;
}

/**
 * The shape of a trace: the submit is a child of whatever the submitter does, the first attempt a child of
 * the submit. What comes later (retries, reroutes, races, second calls, fallbacks, spawned jobs, deliveries)
 * may come hours later: each begins a trace of its own, linked to the submit. What is kept of the submit with
 * the job is enough for all of them, so they are linked after a restart as well.
 */
export function createTracing(tracer: Tracer): Tracing {
  const calls = new Map<string, Span>();

  function begun(call: CallSignal, submitted: TraceContext): Span {
    const { job, path, leg, attempt } = call;
    const cause = causeOf(call);
    return started(tracer, submitted, cause, path.url, path.method, {
      'http.request.resend_count': attempt - 1,
      'ezthrottle.job.id': job.id,
      'ezthrottle.attempt': attempt,
      'ezthrottle.attempt.cause': cause,
      'ezthrottle.path': leg.path,
      'ezthrottle.region': leg.region,
    });
  }

  return {
    signals: {
      called(call) {
        const submitted = call.job.spec.trace;
        if (submitted === undefined || !isSampled(submitted)) return;
        calls.set(call.token, begun(call, submitted));
      },
      answered({ report }) {
        const span = calls.get(report.token);
        if (span === undefined) return;
        calls.delete(report.token);
        end(span, report.outcome);
      },
    },
    submit(incoming, jobId, route) {
      const span = tracer.startSpan(
        `POST ${route}`,
        {
          kind: SpanKind.SERVER,
          attributes: {
            'http.request.method': 'POST',
            'http.route': route,
            'ezthrottle.job.id': jobId,
          },
        },
        incoming === null ? ROOT_CONTEXT : remote(incoming),
      );
      const context = contextOf(span);
      return {
        context: isSampled(context) ? context : null,
        ended(status, answered) {
          span.setAttribute('http.response.status_code', status);
          if (answered !== null && answered !== jobId) {
            span.setAttributes({ 'ezthrottle.job.id': answered, 'ezthrottle.duplicate': true });
          }
          if (status >= 500) fail(span, String(status));
          span.end();
        },
      };
    },
    contextOf(token) {
      const span = calls.get(token);
      return span === undefined ? null : contextOf(span);
    },
    deliver(delivery, spec, attempt, region) {
      if (spec.trace === undefined || !isSampled(spec.trace)) return null;
      const span = started(tracer, spec.trace, 'delivery', delivery.url, 'POST', {
        'http.request.resend_count': attempt - 1,
        'ezthrottle.job.id': delivery.jobId,
        'ezthrottle.delivery.id': delivery.id,
        'ezthrottle.attempt': attempt,
        'ezthrottle.region': region,
      });
      return { context: contextOf(span), ended: (outcome) => end(span, outcome) };
    },
  };
}

type Cause =
  | 'first'
  | 'retry'
  | 'reroute'
  | 'race'
  | 'hedge'
  | 'fallback'
  | 'spawned'
  | 'redrive'
  | 'delivery';

function causeOf({ job, leg, attempt }: CallSignal): Cause {
  if (attempt === 1) return beginningOf(job);
  if (leg.isHedge === true) return 'hedge';
  if (isAgain(leg)) return 'retry';
  if (leg.reroutes > 0) return 'reroute';
  return leg.path > 0 ? 'fallback' : 'race';
}

/** A job that was redriven has the trace of the one that it is sent again for: that may be days old. */
function beginningOf({ parent, spec }: CallSignal['job']): Cause {
  if (spec.redriveOf !== undefined) return 'redrive';
  return parent === null ? 'first' : 'spawned';
}

function isAgain({ retries, unknowns, heldBack }: Leg): boolean {
  return retries + unknowns + heldBack > 0;
}

function started(
  tracer: Tracer,
  submitted: TraceContext,
  cause: Cause,
  url: string,
  method: string,
  about: Readonly<Record<string, string | number>>,
): Span {
  const attributes = { ...attributesOf(url, method), ...about };
  const call = { kind: SpanKind.CLIENT, attributes };
  if (cause === 'first') return tracer.startSpan(spanName(method), call, remote(submitted));
  const link = {
    context: spanContextOf(submitted),
    attributes: { 'ezthrottle.link': cause },
  };
  return tracer.startSpan(spanName(method), { ...call, links: [link] }, ROOT_CONTEXT);
}

function end(span: Span, outcome: Outcome): void {
  if (outcome.kind === 'response') {
    span.setAttribute('http.response.status_code', outcome.status);
  }
  if (outcome.kind === 'aborted') span.setAttribute('ezthrottle.aborted', true);
  const failure = failureOf(outcome);
  if (failure !== null) fail(span, failure);
  span.end();
}

/** Without a message: it may hold what a target said. */
function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function remote(context: TraceContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, spanContextOf(context));
}

function spanContextOf({ parent, state }: TraceContext): SpanContext {
  const [, traceId = '', spanId = '', flags = '00'] = parent.split('-');
  const traceState = state === undefined ? {} : { traceState: createTraceState(state) };
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true, ...traceState };
}

function contextOf(span: Span): TraceContext {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const parent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  const state = traceState?.serialize() ?? '';
  return state === '' ? { parent } : { parent, state };
}
