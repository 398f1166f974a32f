import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { signWebhook } from '@ezthrottle/core/webhooks';

export const SECRET = 'the secret of these tests';

export interface Sent {
  readonly method?: string;
  /** The pieces that are written, one after the other; more than one is sent chunked. */
  readonly body?: string | Uint8Array | readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly agent?: Agent;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** The sender's port: the same again when the connection was used again. */
  readonly port: number;
}

export interface SigningOptions {
  readonly secret?: string;
  /** Signed this much earlier, in seconds. */
  readonly ageSeconds?: number;
  readonly contentType?: string;
}

/** The headers of a delivery that is signed over exactly these bytes. */
export function signedHeaders(
  body: string | Uint8Array,
  options: SigningOptions = {},
): Record<string, string> {
  const { secret = SECRET, ageSeconds = 0, contentType = 'application/json' } = options;
  const timestampSeconds = Math.floor(Date.now() / 1_000) - ageSeconds;
  return {
    'content-type': contentType,
    'x-ezthrottle-signature': signWebhook({ body, secret, timestampSeconds }),
  };
}

/** The body of a delivery; spaced so that parsing it and writing it again gives other bytes. */
export function deliveryText(id: string, fields: Readonly<Record<string, unknown>> = {}): string {
  const delivery = { delivery_id: id, job_id: `job of ${id}`, status: 'success', ...fields };
  return ` ${JSON.stringify(delivery).replaceAll('":', '" :  ')}\n`;
}

/** Sends a request to its end and reads the answer to its end. */
export function send(url: string, sent: Sent = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = open(url, sent);
    answerOf(request).then(resolve, reject);
    for (const piece of piecesOf(sent.body)) request.write(piece);
    request.end();
  });
}

/** A signed POST of these bytes. */
export function deliver(
  url: string,
  body: string | Uint8Array,
  options: SigningOptions & { readonly agent?: Agent } = {},
): Promise<Answer> {
  const { agent } = options;
  const headers = signedHeaders(body, options);
  return send(url, { body, headers, ...(agent === undefined ? {} : { agent }) });
}

/** Begins a request whose body the caller writes, or breaks off. */
export function open(url: string, sent: Sent = {}): ClientRequest {
  const { method = 'POST', body, headers = {}, agent } = sent;
  const isWhole = typeof body === 'string' || body instanceof Uint8Array;
  const length = isWhole ? { 'content-length': String(Buffer.byteLength(body)) } : {};
  const own = Object.entries({ ...length, ...headers }).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : [...value],
  ]);
  return httpRequest(url, { method, headers: Object.fromEntries(own), agent: agent ?? false });
}

/** One connection that is kept. */
export function oneConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}

export function answerOf(request: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response: IncomingMessage) => {
      const port = response.socket.localPort ?? 0;
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, text: Buffer.concat(pieces).toString(), port });
      });
    });
  });
}

function piecesOf(body: Sent['body']): readonly (string | Uint8Array)[] {
  if (body === undefined) return [];
  return typeof body === 'string' || body instanceof Uint8Array ? [body] : body;
}
