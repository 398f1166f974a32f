import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  EZThrottle,
  NetworkError,
  NotFoundError,
  TimeoutError,
  type JobEvent,
  type Runtime,
  type StreamJobOptions,
} from '@ezthrottle/core';

type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void;

/** Answers each request to a job's stream by the next handler, the last one over and over. */
let handlers: readonly Handler[];
let seen: IncomingMessage[];
let close: () => Promise<void>;
let client: EZThrottle;
let baseUrl: string;
let ended: boolean;

beforeEach(async () => {
  handlers = [];
  seen = [];
  ended = false;
  const server = createServer((request, response) => {
    if (!(request.url ?? '').endsWith('/stream')) {
      const job = { job_id: 'j', status: ended ? 'success' : 'queued' };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(job));
      return;
    }
    seen.push(request);
    (handlers[seen.length - 1] ?? handlers.at(-1))?.(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  baseUrl = `http://127.0.0.1:${address.port}`;
  client = clientWith({ random: () => 0 });
  close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
});

afterEach(() => close());

function frame(type: string, id: number | null, data: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify({ job_id: 'j', at: 1, ...data });
  return `event: ${type}\n${id === null ? '' : `id: ${id}\n`}data: ${json}\n\n`;
}

const QUEUED = frame('queued', 0, {});
const DISPATCHING = frame('dispatching', 1, { attempt: 1, path: 0, region: 'local' });
const COMPLETED = frame('completed', 3, {
  status: 'success',
  state: 'completed',
  result: { status: 'success' },
});

function says(...texts: readonly string[]): Handler {
  return (_, response) => {
    response.setHeader('content-type', 'text/event-stream; charset=utf-8');
    response.end(['retry: 1\n\n', ...texts].join(''));
  };
}

/** Says it, and then nothing more. */
function saysAndHangs(...texts: readonly string[]): Handler {
  return (_, response) => {
    response.setHeader('content-type', 'text/event-stream');
    response.write(['retry: 1\n\n', ...texts].join(''));
  };
}

function clientWith(runtime: Partial<Runtime>): EZThrottle {
  return new EZThrottle({ apiKey: 'the-key', baseUrl, retry: false, runtime });
}

async function eventsOf(options: StreamJobOptions = {}): Promise<readonly JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of client.stream('j', options)) events.push(event);
  return events;
}

describe('the stream of a job', () => {
  it('gives typed events until the end', async () => {
    const waiting = frame('waiting', null, { key: 'k', reason: 'rate', until: null });
    handlers = [saysAndHangs(': keepalive\n\n', QUEUED, waiting, DISPATCHING, COMPLETED)];
    const events = await eventsOf();
    expect(events).toEqual([
      { type: 'queued', id: '0', job_id: 'j', at: 1 },
      { type: 'waiting', id: null, job_id: 'j', at: 1, key: 'k', reason: 'rate', until: null },
      { type: 'dispatching', id: '1', job_id: 'j', at: 1, attempt: 1, path: 0, region: 'local' },
      {
        type: 'completed',
        id: '3',
        job_id: 'j',
        at: 1,
        status: 'success',
        state: 'completed',
        result: { status: 'success' },
      },
    ]);
    expect(seen[0]?.headers).toMatchObject({
      accept: 'text/event-stream',
      authorization: 'Bearer the-key',
    });
    expect(seen[0]?.url).toBe('/api/v1/jobs/j/stream');
  });

  it('goes on after the last whole event when the connection breaks, and loses none', async () => {
    const half = DISPATCHING.slice(0, -4);
    const cut: Handler = (_, response) => {
      response.setHeader('content-type', 'text/event-stream');
      response.write(`retry: 1\n\n${QUEUED}${half}`, () => response.destroy());
    };
    handlers = [cut, says(DISPATCHING), says(COMPLETED)];
    expect((await eventsOf()).map(({ type }) => type)).toEqual([
      'queued',
      'dispatching',
      'completed',
    ]);
    expect(seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '0', '1']);
  });

  it('reads events however they are cut into pieces', async () => {
    const text = `${QUEUED}${frame('failed', 1, { status: 'failed', state: 'failed', result: { status: 'failed', error: 'ümlaut ✓' } })}`;
    handlers = [
      (_, response) => {
        response.setHeader('content-type', 'text/event-stream');
        const bytes = Buffer.from(text);
        const write = (at: number): void => {
          if (at >= bytes.length) response.end();
          else response.write(bytes.subarray(at, at + 3), () => setImmediate(write, at + 3));
        };
        write(0);
      },
    ];
    expect((await eventsOf()).at(-1)).toMatchObject({ result: { error: 'ümlaut ✓' } });
  });

  it('begins where it is told to, and is over at once when the end was seen', async () => {
    handlers = [(_, response) => response.writeHead(204).end()];
    expect(await eventsOf({ lastEventId: '3' })).toEqual([]);
    expect(seen[0]?.headers['last-event-id']).toBe('3');
  });

  it('leaves out what it does not know', async () => {
    handlers = [
      says(
        frame('party', 1, {}),
        'event: queued\ndata: no JSON\n\n',
        frame('dispatching', 1, {}),
        COMPLETED,
      ),
    ];
    expect((await eventsOf()).map(({ type }) => type)).toEqual(['completed']);
  });

  it('ends with the refusal of a server, at once', async () => {
    handlers = [(_, response) => response.writeHead(404).end('{}')];
    await expect(eventsOf()).rejects.toBeInstanceOf(NotFoundError);
    handlers = [(_, response) => response.end('hello')];
    await expect(eventsOf()).rejects.toMatchObject({ code: 'unexpected_answer' });
    expect(seen).toHaveLength(2);
  });

  it('gives up on a server that stays out of reach, and not on one that comes back', async () => {
    const cut: Handler = (_, response) => response.destroy();
    handlers = [says(QUEUED), cut, cut, says(COMPLETED)];
    expect(await eventsOf({ maxFailures: 2 })).toHaveLength(2);
    handlers = [cut];
    client = clientWith({ random: () => 0, after: immediately });
    await expect(eventsOf({ maxFailures: 2 })).rejects.toBeInstanceOf(NetworkError);
    expect(seen).toHaveLength(7);
  });

  it('ends with the caller’s reason when it is aborted, and closes the connection', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const closed = new Promise((resolve) => {
      handlers = [
        (request, response, number) => {
          request.once('close', resolve);
          saysAndHangs(QUEUED)(request, response, number);
        },
      ];
    });
    const reading = (async (): Promise<void> => {
      for await (const event of client.stream('j', { signal: controller.signal })) {
        expect(event.type).toBe('queued');
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    await closed;
  });

  it('closes the connection when its reader has enough', async () => {
    const closed = new Promise((resolve) => {
      handlers = [
        (request, response, number) => {
          request.once('close', resolve);
          saysAndHangs(QUEUED)(request, response, number);
        },
      ];
    });
    for await (const _ of client.stream('j')) break;
    await closed;
  });

  it('ends when the client is closed', async () => {
    handlers = [saysAndHangs(QUEUED)];
    const reading = (async (): Promise<void> => {
      for await (const _ of client.stream('j')) void client.close();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'closed' });
  });

  it('does not go through the proxy', async () => {
    const proxied = new EZThrottle({ apiKey: 'k', tracktagsUrl: 'http://127.0.0.1:1' });
    const reading = proxied.stream('j').next();
    await expect(reading).rejects.toMatchObject({ code: 'not_supported' });
  });
});

/** Waits before connecting again take no time; the limits of calls are as they are. */
function immediately(delayMs: number, callback: () => void): () => void {
  if (delayMs >= 30_000) {
    const timer = setTimeout(callback, Math.min(delayMs, 60_000));
    return () => clearTimeout(timer);
  }
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}

describe('waiting for a job', () => {
  it('comes back as soon as the stream ends with the job', async () => {
    handlers = [
      (_, response) => {
        response.setHeader('content-type', 'text/event-stream');
        response.write(QUEUED);
        ended = true;
        response.end(COMPLETED);
      },
    ];
    const options = { pollInterval: 60_000, timeout: 20_000 };
    expect(await client.wait('j', options)).toMatchObject({ status: 'success' });
    expect(seen).toHaveLength(1);
  });

  it('looks now and then where there is no stream', async () => {
    handlers = [
      (_, response) => {
        setTimeout(() => {
          ended = true;
        }, 30);
        response.writeHead(404).end('{}');
      },
    ];
    expect(await client.wait('j', { pollInterval: 5 })).toMatchObject({ status: 'success' });
    expect(seen).toHaveLength(1);
  });

  it('opens a stream again that ended before the job, but not at once', async () => {
    handlers = [
      says(QUEUED),
      (request, response, number) => {
        ended = true;
        says(COMPLETED)(request, response, number);
      },
    ];
    expect(await client.wait('j', { pollInterval: 1 })).toMatchObject({ status: 'success' });
    expect(seen).toHaveLength(2);
  });

  it('ends in time, and when it is told to', async () => {
    handlers = [saysAndHangs(QUEUED)];
    const late = client.wait('j', { timeout: 30 });
    await expect(late).rejects.toBeInstanceOf(TimeoutError);
    await expect(late).rejects.toMatchObject({ code: 'wait_timeout' });
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = client.wait('j', { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    await expect(waiting).rejects.toBe(reason);
  });
});
