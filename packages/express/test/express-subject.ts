import { createServer } from 'node:http';
import type {
  AdapterSubject,
  AdapterSubjectOptions,
  RunningAdapter,
  SubjectParser,
} from '@ezthrottle/testkit/adapter-suite';
import type { Application, RequestHandler, Router } from 'express';
import type express from 'express';
import { ezthrottle } from '../src/index.ts';

type Express = typeof express;

interface MountedParser extends SubjectParser {
  readonly make: (express: Express) => RequestHandler;
}

const FIX = /before app\.use\(express\.json\(\)\)/;

const PARSERS: Readonly<Record<string, MountedParser>> = {
  'express.json()': {
    contentType: 'application/json',
    says: [/express\.json\(\)/, FIX],
    make: (express) => express.json(),
  },
  'express.text()': {
    contentType: 'text/plain',
    says: [/express\.text\(\)/, FIX],
    make: (express) => express.text(),
  },
  'express.urlencoded()': {
    contentType: 'application/x-www-form-urlencoded',
    says: [/express\.urlencoded\(\)/, FIX],
    make: (express) => express.urlencoded({ extended: false }),
  },
  'express.raw()': {
    contentType: 'application/json',
    says: null,
    make: (express) => express.raw({ type: () => true }),
  },
  'express.json() that keeps the bytes': {
    contentType: 'application/json',
    says: null,
    make: (express) =>
      express.json({
        verify: (request, _response, bytes) => {
          Object.assign(request, { rawBody: bytes });
        },
      }),
  },
  'express.json() of another content type': {
    contentType: 'text/plain',
    says: null,
    make: (express) => express.json(),
  },
};

/** The adapter on one version of Express, in the manner of `mount`. */
export function expressSubject(name: string, express: Express, mount: Mount): AdapterSubject {
  return {
    name,
    parsers: PARSERS,
    start: (options) => listen(appOf(express, mount, options), options.prefix),
  };
}

/** How a user puts the webhook into an app or a router. */
export type Mount = (router: Router, webhook: RequestHandler) => void;

function appOf(express: Express, mount: Mount, options: AdapterSubjectOptions): Application {
  const { receiver, prefix, parser } = options;
  const app = express();
  const router = express.Router();
  const before = parser === undefined ? undefined : PARSERS[parser];
  if (before !== undefined) app.use(before.make(express));
  mount(router, ezthrottle(receiver));
  router.post('/echo', express.json(), (request, response) => {
    response.json(request.body);
  });
  return app.use(prefix ?? '/', router);
}

async function listen(app: Application, prefix = ''): Promise<RunningAdapter> {
  const server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening on a port');
  const base = `http://127.0.0.1:${address.port}${prefix}`;
  return {
    url: `${base}/hook`,
    echoUrl: `${base}/echo`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
