import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as after } from 'node:timers/promises';

/** A span as a collector gets it. */
export interface SeenSpan {
  readonly id: string;
  readonly traceId: string;
  /** Empty: none. */
  readonly parent: string;
  readonly name: string;
  readonly kind: string;
  readonly startedAt: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly spanId: string; readonly why: unknown }[];
  readonly isError: boolean;
}

/** Takes OTLP over HTTP, in JSON, as a collector would. */
export interface Collector {
  readonly url: string;
  /** In the order of their beginning. */
  spans(): readonly SeenSpan[];
  /** The same once there are so many. */
  until(count: number): Promise<readonly SeenSpan[]>;
  /** All that came, byte for byte. */
  received(): string;
  close(): Promise<void>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly links?: readonly {
    readonly spanId: string;
    readonly attributes: readonly Attribute[];
  }[];
  readonly status: { readonly code: number };
}

interface WireTraces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const ERROR = 2;

export async function openCollector(): Promise<Collector> {
  const bodies: string[] = [];
  const seen: SeenSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      bodies.push(body);
      const traces: WireTraces = JSON.parse(body);
      for (const { scopeSpans } of traces.resourceSpans) {
        for (const { spans } of scopeSpans) seen.push(...spans.map(seenSpan));
      }
      response.setHeader('Content-Type', 'application/json');
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const inOrder = (): readonly SeenSpan[] =>
    seen.toSorted((one, other) => Number(one.startedAt - other.startedAt));
  return {
    url: `http://127.0.0.1:${port}`,
    spans: inOrder,
    async until(count) {
      while (seen.length < count) await after(10);
      return inOrder();
    },
    received: () => bodies.join('\n'),
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function seenSpan(span: WireSpan): SeenSpan {
  return {
    id: span.spanId,
    traceId: span.traceId,
    parent: span.parentSpanId ?? '',
    name: span.name,
    kind: KINDS[span.kind] ?? String(span.kind),
    startedAt: BigInt(span.startTimeUnixNano),
    attributes: valuesOf(span.attributes),
    links: (span.links ?? []).map(({ spanId, attributes }) => ({
      spanId,
      why: valuesOf(attributes)['ezthrottle.link'],
    })),
    isError: span.status.code === ERROR,
  };
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
