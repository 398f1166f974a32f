import { EZThrottle, Step } from '@ezthrottle/core';
import { ezthrottle } from '@ezthrottle/fastify';
import { fastify } from 'fastify';

interface OrderRoute {
  Params: { readonly id: string };
}

const { PORT = '3000', WEBHOOK_SECRET = 'a secret for development' } = process.env;
const origin = `http://127.0.0.1:${PORT}`;
// Finds the server by EZTHROTTLE_URL and EZTHROTTLE_API_KEY.
const client = new EZThrottle();
const app = fastify();

await app.register(ezthrottle, {
  path: '/webhooks',
  secrets: WEBHOOK_SECRET,
  on: {
    any: ({ idempotentKey, status, response }) => {
      console.log(`delivered: ${idempotentKey}, ${status}, ${response?.body}`);
    },
  },
});

app.post<OrderRoute>('/orders/:id', async ({ params: { id } }, reply) => {
  const result = await new Step(client)
    .url(`${origin}/stock/${id}`)
    .idempotentKey(`order ${id}`)
    .webhooks([{ url: `${origin}/webhooks` }])
    .execute();
  return reply.code(202).send(result);
});

/** Stands for an API of somebody else. */
app.get<OrderRoute>('/stock/:id', async ({ params: { id } }) => ({ order: id, inStock: true }));

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
console.log(`listening on ${origin}`);
