import { createReceiver, type DeliveryHandler } from '@ezthrottle/core/webhooks';
import { deliver, deliveryText, SECRET } from '@ezthrottle/testkit/adapter-suite';
import express5, { type Application, type ErrorRequestHandler } from 'express';
import express4 from 'express4';
import { afterEach, describe, expect, it } from 'vitest';
import { ezthrottle } from '../src/index.ts';
import { listen, type ListeningApp } from './listening-app.ts';

const running: ListeningApp[] = [];

async function run(app: Application): Promise<string> {
  const listening = await listen(app);
  running.push(listening);
  return listening.origin;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});

// What every adapter promises stands in the suite of all adapters; here is what is Express's own.
describe.each([
  ['4', express4],
  ['5', express5],
])('on Express %s', (_version, express) => {
  it('handlers see the Express request', async () => {
    const paths: unknown[] = [];
    const app = express();
    const any: DeliveryHandler = (_delivery, { context }) => {
      if (typeof context === 'object' && context !== null && 'originalUrl' in context) {
        paths.push(context.originalUrl);
      }
    };
    app.post('/hook/:tenant', ezthrottle({ secrets: SECRET, on: { any } }));
    await deliver(`${await run(app)}/hook/acme`, deliveryText('1'));
    expect(paths).toEqual(['/hook/acme']);
  });

  it('an error of the receiver itself goes to Express', async () => {
    const failure = new Error('a receiver of the application’s own');
    const broken = {
      ...createReceiver({ secrets: SECRET }),
      receive: () => Promise.reject(failure),
    };
    const passedOn: unknown[] = [];
    const app = express();
    const onError: ErrorRequestHandler = (error, _request, response, _next) => {
      passedOn.push(error);
      response.status(500).end();
    };
    app.post(
      '/hook',
      ezthrottle(Object.assign(createReceiver({ secrets: SECRET }), broken)),
      onError,
    );
    expect((await deliver(`${await run(app)}/hook`, deliveryText('1'))).status).toBe(500);
    expect(passedOn).toEqual([failure]);
  });

  it('options that cannot work are refused when the application starts', () => {
    expect(() => ezthrottle({ secrets: 'too short' })).toThrow(/at least 16 characters/);
  });
});
