import {
  jobServer,
  listen,
  type Answer,
  type Reply,
  type Seen,
} from '../../packages/core/test/loopback.ts';

/** Job server and targets for many runs of the suite, each under a base address of its own. */
export interface JobWorld extends AsyncDisposable {
  /** Base address for a new run. */
  startRun(): string;
}

export async function startJobWorld(): Promise<JobWorld> {
  const runs = new Map<string, Answer>();
  const loopback = await listen((request) => {
    const [, name = '', path = ''] = /^\/(run-\d+)(\/.*)$/.exec(request.path) ?? [];
    const answer = runs.get(name);
    return answer === undefined ? { status: 404 } : answer({ ...request, path });
  });
  return {
    startRun() {
      const name = `run-${runs.size + 1}`;
      runs.set(name, oneRun());
      return `${loopback.url}/${name}`;
    },
    [Symbol.asyncDispose]: () => loopback[Symbol.asyncDispose](),
  };
}

const eventStream: Reply = {
  status: 200,
  headers: { 'content-type': 'text/event-stream' },
  body:
    'id: 1\nevent: queued\ndata: {"job_id":"streamed","at":1}\n\n' +
    'id: 2\nevent: completed\n' +
    'data: {"job_id":"streamed","at":2,"status":"success","state":"completed","result":null}\n\n',
};

function oneRun(): Answer {
  const seen: Seen[] = [];
  const submit = jobServer();
  const claims = claimsServer();
  return (request) => {
    const { pathname, searchParams } = new URL(request.path, 'http://server.example');
    if (pathname === '/seen') return { status: 200, body: shown(seen, searchParams.get('under')) };
    seen.push(request);
    const [, top, second = ''] = pathname.split('/');
    if (top === 'claims') return { status: 200, body: { answer: claims(second, searchParams) } };
    if (top === 'told') return { status: 200 };
    if (top === 'target') return answerOf(second, Number(searchParams.get('length')));
    if (pathname.endsWith('/jobs/batch')) return batchAnswer(request, submit);
    if (request.method === 'POST') {
      // What cannot be handed on, either.
      return request.text.includes('/cut/refused') ? { status: 503 } : submit(request);
    }
    if (pathname.endsWith('/streamed/stream')) return eventStream;
    // A server without streams.
    if (pathname.endsWith('/stream')) return { status: 404, body: { error: 'not_found' } };
    return jobAnswer(request.method, pathname.split('/').at(-1) ?? '');
  };
}

/** What is done, for handlers that keep nothing themselves; claims here never end by themselves. */
function claimsServer(): (verb: string, query: URLSearchParams) => unknown {
  const claims = new Map<string, { readonly token: string; readonly isDone: boolean }>();
  return (verb, query) => {
    const [id, token] = [query.get('id') ?? '', query.get('token') ?? ''];
    const claim = claims.get(id);
    if (verb === 'begin') {
      if (claim !== undefined) return claim.isDone ? 'done' : 'in_flight';
      claims.set(id, { token, isDone: false });
      return 'acquired';
    }
    if (claim?.token !== token || claim.isDone) return false;
    if (verb === 'commit') claims.set(id, { token, isDone: true });
    else claims.delete(id);
    return true;
  };
}

function shown(seen: readonly Seen[], under: string | null): readonly unknown[] {
  return seen
    .filter(({ path }) => path.startsWith(under ?? '/'))
    .map(({ bytes, ...rest }) => ({ ...rest, bodyBase64: bytes.toString('base64') }));
}

function answerOf(what: string, length: number): Reply {
  if (what === 'hang') return { status: 200, hang: true };
  if (what === 'cut') return { status: 200, cut: true };
  return { status: Number(what), body: length > 0 ? 'x'.repeat(length) : {} };
}

async function batchAnswer(request: Seen, submit: Answer): Promise<Reply> {
  const { jobs }: { jobs: readonly { readonly url: string }[] } = JSON.parse(request.text);
  const results: unknown[] = [];
  for (const job of jobs) {
    const isValid = URL.canParse(job.url);
    const one = { ...request, path: '/api/v1/jobs', text: JSON.stringify(job) };
    const reply = isValid
      ? await submit(one)
      : { status: 400, body: { error: 'validation_failed', message: 'url is no address' } };
    results.push({ status_code: reply.status, body: reply.body });
  }
  return { status: 200, body: { results } };
}

function jobAnswer(method: string, id: string): Reply {
  if (id === 'missing') return { status: 404, body: { error: 'not_found' } };
  if (id === 'redirect') return { status: 302, headers: { location: '../../../elsewhere' } };
  if (/^\d{3}$/.test(id)) return { status: Number(id) };
  if (id === 'hang' || id === 'cut') return answerOf(id, 0);
  if (method === 'DELETE') return { status: 200, body: { job_id: id, status: 'cancelled' } };
  return { status: 200, body: { job_id: id, status: 'queued', state: 'pending' } };
}
