import type { RuntimeReport } from './run-suite.ts';
import { answerHook, runSuite } from './suite.ts';

interface Bindings {
  readonly SERVER_URL: string;
}

interface Worker {
  fetch(request: Request, bindings: Bindings): Promise<Response>;
}

const worker: Worker = {
  async fetch(request, { SERVER_URL: serverUrl }) {
    const { pathname, origin } = new URL(request.url);
    if (pathname === '/hook') return answerHook(request, serverUrl);
    const world = { serverUrl, hookUrl: `${origin}/hook`, environment: 'unreadable' } as const;
    const report: RuntimeReport = {
      version: navigator.userAgent,
      verdicts: await runSuite(world),
    };
    return Response.json(report);
  },
};

// oxlint-disable-next-line import/no-default-export -- workerd finds a worker by it.
export default worker;
