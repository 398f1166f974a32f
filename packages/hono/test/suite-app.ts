import type { SubjectParser } from '@ezthrottle/testkit/adapter-suite';
import { Hono, type MiddlewareHandler } from 'hono';
import { ezthrottle, type HonoReceiverSource } from '../src/index.ts';

export interface SuiteAppOptions {
  readonly receiver: HonoReceiverSource;
  readonly prefix?: string;
  readonly parser?: string;
  /** Of another version. */
  readonly HonoClass?: typeof Hono;
}

interface KnownParser extends SubjectParser {
  readonly read: MiddlewareHandler;
}

const after =
  (read: (...parameters: Parameters<MiddlewareHandler>) => Promise<unknown>): MiddlewareHandler =>
  async (context, next) => {
    await read(context, next).catch(() => undefined);
    await next();
  };

const FORM = 'application/x-www-form-urlencoded';

/** Ways in which middleware before the webhook may have read the body. */
const PARSERS: Readonly<Record<string, KnownParser>> = {
  'c.req.arrayBuffer()': {
    contentType: 'application/json',
    says: null,
    read: after((context) => context.req.arrayBuffer()),
  },
  'c.req.blob()': {
    contentType: 'application/json',
    says: null,
    read: after((context) => context.req.blob()),
  },
  'c.req.json()': {
    contentType: 'application/json',
    says: null,
    read: after((context) => context.req.json()),
  },
  'c.req.text()': {
    contentType: 'text/plain',
    says: null,
    read: after((context) => context.req.text()),
  },
  'c.req.parseBody()': {
    contentType: FORM,
    says: null,
    read: after((context) => context.req.parseBody()),
  },
  'c.req.formData()': {
    contentType: FORM,
    says: [/c\.req\.formData\(\)/, /before the middleware.*c\.req\.arrayBuffer\(\)/],
    read: after((context) => context.req.formData()),
  },
  'c.req.raw.json()': {
    contentType: 'application/json',
    says: [/request\.json\(\)/, /request\.clone\(\)/],
    read: after((context) => context.req.raw.json()),
  },
};

export const parsers: Readonly<Record<string, SubjectParser>> = PARSERS;

/** The app of the adapter suite, for every runtime. */
export function suiteApp(options: SuiteAppOptions): Hono {
  const { receiver, prefix, parser, HonoClass = Hono } = options;
  const routes = new HonoClass();
  const known = parser === undefined ? undefined : PARSERS[parser];
  if (known !== undefined) routes.use(known.read);
  routes.all('/hook', ezthrottle(receiver));
  routes.post('/echo', async (context) => context.json(await context.req.json()));
  return prefix === undefined ? routes : new HonoClass().route(prefix, routes);
}
