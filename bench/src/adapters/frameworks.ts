import type { FrameworkWays } from './framework.ts';

/** Loaded one by one, each in a process of its own. */
export const FRAMEWORKS: Readonly<Record<string, () => Promise<FrameworkWays>>> = {
  Express: async () => (await import('./express-ways.ts')).expressWays,
  Fastify: async () => (await import('./fastify-ways.ts')).fastifyWays,
  Hono: async () => (await import('./hono-ways.ts')).honoWays,
  'NestJS on Express': async () => (await import('./nest-ways.ts')).nestOnExpressWays,
  'NestJS on Fastify': async () => (await import('./nest-ways.ts')).nestOnFastifyWays,
  'node:http': async () => (await import('./node-ways.ts')).nodeWays,
};
