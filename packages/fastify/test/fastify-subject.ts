import { Readable } from 'node:stream';
import compress from '@fastify/compress';
import middie from '@fastify/middie';
import type {
  AdapterSubject,
  AdapterSubjectOptions,
  SubjectParser,
} from '@ezthrottle/testkit/adapter-suite';
import express from 'express';
import type { fastify, FastifyInstance } from 'fastify';
import rawBody from 'fastify-raw-body';
import { ezthrottle, type EZThrottlePluginOptions } from '../src/index.ts';

interface MountedParser extends SubjectParser {
  readonly mount: (app: FastifyInstance) => unknown;
}

const JSON_TYPE = 'application/json';
const FIX = /request\.raw.*scope of its own/s;

const PARSERS: Readonly<Record<string, MountedParser>> = {
  'a JSON parser of the application': {
    contentType: JSON_TYPE,
    says: null,
    mount: (app) =>
      app.addContentTypeParser(JSON_TYPE, { parseAs: 'string' }, (_request, text, done) => {
        done(null, JSON.parse(String(text)));
      }),
  },
  'a parser of every content type': {
    contentType: 'text/plain',
    says: null,
    mount: (app) =>
      app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, done) => {
        done(null, bytes);
      }),
  },
  'fastify-raw-body': {
    contentType: JSON_TYPE,
    says: null,
    mount: (app) => app.register(rawBody, { global: true, encoding: false, runFirst: true }),
  },
  '@fastify/compress': {
    contentType: JSON_TYPE,
    says: null,
    mount: (app) => app.register(compress),
  },
  'express.json() by @fastify/middie': {
    contentType: JSON_TYPE,
    says: [/express\.json\(\)/, FIX],
    mount: async (app) => {
      await app.register(middie);
      app.use(express.json());
    },
  },
  'express.text() by @fastify/middie': {
    contentType: 'text/plain',
    says: [/express\.text\(\)/, FIX],
    mount: async (app) => {
      await app.register(middie);
      app.use(express.text());
    },
  },
  'a hook that reads request.raw': {
    contentType: JSON_TYPE,
    says: [/by something before this webhook/, FIX],
    mount: (app) =>
      app.addHook('onRequest', async ({ raw, url }) => {
        if (url.endsWith('/hook')) await raw.forEach(() => undefined);
      }),
  },
  'a hook that reads the stream in request.body': {
    contentType: JSON_TYPE,
    says: [/by something before this webhook/, FIX],
    mount: (app) =>
      app.addHook('preValidation', async (request) => {
        if (!request.url.endsWith('/hook')) return;
        const pieces = await Readable.from(request.raw).toArray();
        request.body = JSON.parse(Buffer.concat(pieces).toString());
      }),
  },
};

/** The adapter on one version of Fastify. */
export function fastifySubject(name: string, create: typeof fastify): AdapterSubject {
  return {
    name,
    parsers: PARSERS,
    async start(options) {
      const app = await appOf(create, options);
      const base = `${await app.listen({ host: '127.0.0.1', port: 0 })}${options.prefix ?? ''}`;
      return { url: `${base}/hook`, echoUrl: `${base}/echo`, close: () => app.close() };
    },
  };
}

async function appOf(
  create: typeof fastify,
  { receiver, prefix = '', parser }: AdapterSubjectOptions,
): Promise<FastifyInstance> {
  const app = create({ forceCloseConnections: true, bodyLimit: 5_000 });
  if (parser !== undefined) await PARSERS[parser]?.mount(app);
  const given: EZThrottlePluginOptions = 'receive' in receiver ? { receiver } : receiver;
  await app.register(
    async (scope) => {
      await scope.register(ezthrottle, { path: '/hook', ...given });
      scope.post('/echo', async (request) => request.body);
    },
    { prefix },
  );
  return app;
}
