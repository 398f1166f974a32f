import 'reflect-metadata';
import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { EzthrottleModule } from '../src/index.ts';
import { deliver, TEST_WEBHOOK_SECRET, testingOptions } from '../src/testing.ts';

type Request = NodeJS.ReadableStream & { rawBody?: unknown };
type Read = (request: Request, response: unknown, next: () => void) => void;

const apps: INestApplication<Server>[] = [];

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

const drain: Read = (request, _response, next) => request.on('end', next).resume();

const drainAndKeep: Read = (request, _response, next) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    request.rawBody = Buffer.concat(chunks);
    next();
  });
};

/** The answer's status, and what the application is told. */
async function tryReader(
  adapter: ExpressAdapter | FastifyAdapter,
  setUp: (app: INestApplication<Server>) => unknown = () => undefined,
): Promise<{ readonly status: number; readonly error: string }> {
  const errors: unknown[] = [];
  const receiver = {
    secrets: TEST_WEBHOOK_SECRET,
    onError: (error: unknown) => errors.push(error),
  };
  const testing = await Test.createTestingModule({
    imports: [EzthrottleModule.forRoot(testingOptions({ receiver }))],
  }).compile();
  // It does not help against what is not Nest's parser.
  const options = { rawBody: true, logger: false } as const;
  const app: INestApplication<Server> = testing.createNestApplication(adapter, options);
  apps.push(app);
  setUp(app);
  const { status } = await deliver(app);
  return { status, error: String(errors[0]) };
}

describe('a body that was read before the webhook could', () => {
  const early = (read: Read): ExpressAdapter => {
    const adapter = new ExpressAdapter();
    adapter.use(read);
    return adapter;
  };

  it('says so when the server that was given to Nest reads it, and takes bytes that it keeps', async () => {
    const { status, error } = await tryReader(early(drain));
    expect(status).toBe(500);
    expect(error).toMatch(/read by a parser.*given to Nest’s platform adapter.*request\.rawBody/);
    expect(error).not.toContain('rawBody: true');
    expect((await tryReader(early(drainAndKeep))).status).toBe(200);
  });

  it('says so when a middleware of the application reads it, and takes bytes that it keeps', async () => {
    const reading = (read: Read) => (app: INestApplication<Server>) => app.use(read);
    const { status, error } = await tryReader(new ExpressAdapter(), reading(drain));
    expect(status).toBe(500);
    expect(error).toMatch(/read by a middleware.*not Nest’s parser.*request\.rawBody/);
    const kept = await tryReader(new ExpressAdapter(), reading(drainAndKeep));
    expect(kept.status).toBe(200);
  });

  it('says so when a hook of Fastify reads it, and takes bytes that it keeps', async () => {
    const reading = (read: Read): FastifyAdapter => {
      const adapter = new FastifyAdapter();
      adapter.getInstance().addHook('onRequest', (request, _reply, done) => {
        read(request.raw, null, done);
      });
      return adapter;
    };
    const { status, error } = await tryReader(reading(drain));
    expect(status).toBe(500);
    expect(error).toMatch(/hook of the server that was given to Nest’s platform adapter/);
    expect((await tryReader(reading(drainAndKeep))).status).toBe(200);
  });
});
