/** The first release of Fastify 5. Its types differ from those of the newest in nothing used here. */
declare module 'fastify-first' {
  import { fastify } from 'fastify';

  export { fastify };
}
