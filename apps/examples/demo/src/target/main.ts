/**
 * The API that everything in the demo calls. What a request gets is said by its path:
 *
 *   /<scenario>/status/<code>            that status at once
 *   /<scenario>/slow/<ms>                200 after so many milliseconds
 *   /<scenario>/race                     200, after 300 ms for region lax, after 5 s for the others
 *   /<scenario>/limited/<per second>     200 with a pacing header, 429 above the limit
 *   /<scenario>/once-then-ok/<code>      that status for the first call of a scenario, then 200
 *
 * Every answer says how fast this API may be called: `PACE` per second, or what `limited` allows.
 * `GET /__calls/<scenario>` tells what was seen.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { announce } from '../processes/announce.ts';
import { CallLog } from './call-log.ts';
import { SlidingLimit } from './rate-limit.ts';

interface Answer {
  readonly status: number;
  readonly delayMs?: number;
  readonly headers?: Record<string, string>;
}

const log = new CallLog();
const limits = new Map<string, SlidingLimit>();
const pace = process.env['PACE'] ?? '100';

function answerFor(scenario: string, kind: string, value: string, region: string | null): Answer {
  switch (kind) {
    case 'status':
      return { status: Number(value) };
    case 'slow':
      return { status: 200, delayMs: Number(value) };
    case 'race':
      return { status: 200, delayMs: region === 'lax' ? 300 : 5_000 };
    case 'limited': {
      const limit = limits.get(scenario) ?? new SlidingLimit(Number(value), 1_000);
      limits.set(scenario, limit);
      const headers = { 'X-EZThrottle-Rps': value };
      return { status: limit.admit(performance.now()) ? 200 : 429, headers };
    }
    case 'once-then-ok':
      return { status: log.of(scenario).length <= 1 ? Number(value) : 200 };
    default:
      return { status: 404 };
  }
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://target').pathname;
  const [scenario = '', kind = '', value = ''] = path.slice(1).split('/');
  if (scenario === '__calls') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(log.of(kind)));
    return;
  }
  const at = Date.now();
  const body = await text(request);
  const region = header(request, 'x-ezthrottle-region');
  const attempt = header(request, 'x-ezthrottle-attempt');
  const entry = log.start({
    scenario,
    method: request.method ?? '',
    path,
    at,
    jobId: header(request, 'x-ezthrottle-job-id'),
    attempt: attempt === null ? null : Number(attempt),
    region,
    body,
  });
  const answer = answerFor(scenario, kind, value, region);
  const timer = setTimeout(() => {
    entry.answered(answer.status);
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'X-EZThrottle-Rps': pace,
      ...answer.headers,
    });
    response.end(JSON.stringify({ scenario, path, region }));
  }, answer.delayMs ?? 0);
  response.once('close', () => {
    clearTimeout(timer);
    if (!response.writableFinished) entry.aborted();
  });
}

function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

const server = createServer((request, response) => {
  handle(request, response).catch(() => response.destroy());
});
announce(server, Number(process.env['PORT'] ?? 0));
