import { EZThrottle, Step, StepType } from '@ezthrottle/core';
import { DedupeObject, durableObjectDedupe } from '@ezthrottle/core/dedupe/durable-object';
import { ezthrottle } from '@ezthrottle/hono';
import { Hono } from 'hono';

interface Bindings {
  readonly EZTHROTTLE_URL: string;
  readonly EZTHROTTLE_API_KEY: string;
  readonly WEBHOOK_SECRET: string;
  readonly DEDUPE: Parameters<typeof durableObjectDedupe>[0];
}

interface WorkerEnv {
  readonly Bindings: Bindings;
}

/** The secret also seals what is to follow a job, so that this Worker can carry on in any isolate. */
function clientOf(env: Bindings): EZThrottle {
  const {
    EZTHROTTLE_API_KEY: apiKey,
    EZTHROTTLE_URL: baseUrl,
    WEBHOOK_SECRET: webhookSecret,
  } = env;
  return new EZThrottle({ apiKey, baseUrl, webhookSecret });
}

const app: Hono<WorkerEnv> = new Hono<WorkerEnv>();

app.post(
  '/webhooks',
  ezthrottle<WorkerEnv>(({ env }) => ({
    secrets: env.WEBHOOK_SECRET,
    dedupe: durableObjectDedupe(env.DEDUPE),
    continuations: clientOf(env).continuations(),
    on: {
      any: ({ idempotentKey, status, response }) => {
        console.log(`delivered: ${idempotentKey}, ${status}, ${response?.body}`);
      },
    },
  })),
);

app.post('/orders/:id', async (context) => {
  const { origin } = new URL(context.req.url);
  const id = context.req.param('id');
  // Runs in this Worker once the job has succeeded.
  const count = new Step().url(`${origin}/count/${id}`).method('POST').type(StepType.FRUGAL);
  const result = await new Step(clientOf(context.env))
    .url(`${origin}/stock/${id}`)
    .idempotentKey(`order ${id}`)
    .webhooks([{ url: `${origin}/webhooks` }])
    .onSuccess(count)
    .execute();
  return context.json({ ...result }, 202);
});

/** These two stand for APIs of somebody else. */
app.get('/stock/:id', (context) => context.json({ order: context.req.param('id'), inStock: true }));
app.post('/count/:id', (context) => {
  console.log(`continued: order ${context.req.param('id')}`);
  return context.json({});
});

export { DedupeObject };
// oxlint-disable-next-line import/no-default-export -- Workers are found by it.
export default app;
