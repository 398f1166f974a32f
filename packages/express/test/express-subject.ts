import type {
  AdapterSubject,
  AdapterSubjectOptions,
  SubjectParser,
} from '@ezthrottle/testkit/adapter-suite';
import type { Application, RequestHandler, Router } from 'express';
import type express from 'express';
import { ezthrottle } from '../src/index.ts';
import { listen } from './listening-app.ts';

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
  'express.urlencoded() of every content type': {
    contentType: 'application/json',
    says: [/by something before this webhook/, FIX],
    make: (express) => express.urlencoded({ extended: false, type: () => true }),
  },
  'express.json() of every content type': {
    contentType: 'application/x-www-form-urlencoded',
    says: [/express\.json\(\)/, FIX],
    make: (express) => express.json({ type: () => true }),
  },
  // As multer does, which reads multipart only.
  'a parser that leaves an empty object': {
    contentType: 'multipart/form-data; boundary=none',
    says: [/by something before this webhook/, FIX],
    make: () => (request, _response, next) => {
      request
        .on('data', () => undefined)
        .on('end', () => {
          request.body = Object.create(null);
          next();
        });
    },
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
    start: async (options) => {
      const { origin, close } = await listen(appOf(express, mount, options));
      const base = `${origin}${options.prefix ?? ''}`;
      return { url: `${base}/hook`, echoUrl: `${base}/echo`, close };
    },
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
