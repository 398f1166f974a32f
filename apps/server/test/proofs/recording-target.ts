import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';

/** One request as it came in. */
export interface Arrival {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TargetAnswer {
  readonly status: number;
  readonly afterMs?: number;
}

/** An HTTP server on a free port of loopback that keeps nothing by itself. */
export interface RecordingTarget extends AsyncDisposable {
  readonly origin: string;
}

/** @param answer Asked when a request has arrived whole, in the order of arrival. */
export async function startTarget(
  answer: (arrival: Arrival) => TargetAnswer,
): Promise<RecordingTarget> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A caller that was killed is gone; nobody is left to answer.
    request.on('error', () => undefined);
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { status, afterMs = 0 } = answer({
        path: request.url ?? '',
        headers: request.headers,
        body,
      });
      const reply = (): void => void response.writeHead(status).end('done');
      if (afterMs === 0) reply();
      else setTimeout(reply, afterMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
