import { EZThrottle, Step } from '@ezthrottle/core';
import { ezthrottle } from '@ezthrottle/express';
import express from 'express';

const { PORT = '3000', WEBHOOK_SECRET = 'a secret for development' } = process.env;
const origin = `http://127.0.0.1:${PORT}`;
// Finds the server by EZTHROTTLE_URL and EZTHROTTLE_API_KEY.
const client = new EZThrottle();
const app = express();

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

app.post('/orders/:id', async (request, response) => {
  const result = await new Step(client)
    .url(`${origin}/stock/${request.params.id}`)
    .idempotentKey(`order ${request.params.id}`)
    .webhooks([{ url: `${origin}/webhooks` }])
    .execute();
  response.status(202).json(result);
});

/** Stands for an API of somebody else. */
app.get('/stock/:id', (request, response) => {
  response.json({ order: request.params.id, inStock: true });
});

app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`listening on ${origin}`);
});
