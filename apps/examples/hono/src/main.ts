import { EZThrottle, Step } from '@ezthrottle/core';
import { ezthrottle } from '@ezthrottle/hono';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const { PORT = '3000', WEBHOOK_SECRET = 'a secret for development' } = process.env;
const origin = `http://127.0.0.1:${PORT}`;
// Finds the server by EZTHROTTLE_URL and EZTHROTTLE_API_KEY.
const client = new EZThrottle();
const app = new Hono();

app.post(
  '/webhooks',
  ezthrottle({
    secrets: WEBHOOK_SECRET,
    on: {
      any: ({ idempotentKey, status, response }) => {
        console.log(`delivered: ${idempotentKey}, ${status}, ${response?.body}`);
      },
    },
  }),
);

app.post('/orders/:id', async (context) => {
  const id = context.req.param('id');
  const result = await new Step(client)
    .url(`${origin}/stock/${id}`)
    .idempotentKey(`order ${id}`)
    .webhooks([{ url: `${origin}/webhooks` }])
    .execute();
  return context.json({ ...result }, 202);
});

/** Stands for an API of somebody else. */
app.get('/stock/:id', (context) => context.json({ order: context.req.param('id'), inStock: true }));

serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' }, () => {
  console.log(`listening on ${origin}`);
});
