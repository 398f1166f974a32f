import { createServer, type IncomingMessage, type Server } from 'node:http';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly bytes: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Nothing is answered. */
  readonly hang?: true;
  /** The connection is cut. */
  readonly cut?: true;
}

export type Answer = (request: Seen) => Reply | Promise<Reply>;

/** A real HTTP server on a free port of this machine, which remembers what it was asked. */
export interface Loopback extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly Seen[];
  answer: Answer;
}

export async function listen(answer: Answer): Promise<Loopback> {
  const seen: Seen[] = [];
  const loopback = { answer };
  const server = createServer((request, response) => {
    const respond = async (): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(Buffer.from(chunk));
      const bytes = Buffer.concat(chunks);
      const one = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        text: bytes.toString('utf8'),
        bytes,
      };
      seen.push(one);
      const reply = await loopback.answer(one);
      if (reply.cut === true) response.destroy();
      if (reply.cut === true || reply.hang === true) return;
      const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {});
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
      response.end(body);
    };
    respond().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(loopback, {
    url: `http://127.0.0.1:${portOf(server)}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Answers submits as our server does: a new job, or the first one again for a known key. */
export function jobServer(): Answer {
  const jobs = new Map<string, string>();
  return ({ method, path, text }) => {
    if (method !== 'POST' || path !== '/api/v1/jobs')
      return { status: 404, body: { error: 'not_found' } };
    const job: { url: string; method: string; body?: string; idempotent_key?: string } =
      JSON.parse(text);
    const key = job.idempotent_key ?? `h1_${job.method} ${job.url} ${job.body ?? ''}`;
    const known = jobs.get(key);
    const job_id = known ?? `job-${jobs.size + 1}`;
    jobs.set(key, job_id);
    return {
      status: known === undefined ? 201 : 200,
      body: {
        job_id,
        status: 'queued',
        state: 'pending',
        idempotent_key: key,
        queued_at: 1,
        idempotency_expires_at: 4_102_444_800_000,
        ...(known === undefined ? {} : { duplicate: true }),
      },
    };
  };
}

export function submitted(loopback: Loopback): readonly { readonly [key: string]: unknown }[] {
  return loopback.seen
    .filter(({ method, path }) => method === 'POST' && path === '/api/v1/jobs')
    .map(({ text }) => JSON.parse(text));
}
