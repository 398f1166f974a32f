import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { receiverRequestOf, type PlatformRequest } from './receiver-request.ts';

async function readMessage(): Promise<IncomingMessage> {
  const message = new IncomingMessage(new Socket());
  message.push('{}');
  message.push(null);
  await text(message);
  return message;
}

it('names rawBody: true where it may have been Nest’s own parser that read the body', async () => {
  const request: PlatformRequest = { raw: await readMessage() };
  const { body } = receiverRequestOf(request);
  const reading = typeof body === 'function' ? body(1_000) : body;
  await expect(reading).rejects.toThrow(/Nest’s body parser, or by .*\{ rawBody: true \}/);
});

it('takes the bytes that Nest, or a middleware, has kept', async () => {
  const bytes = Buffer.from('{}');
  const raw = await readMessage();
  expect(receiverRequestOf({ raw, rawBody: bytes }).body).toBe(bytes);
  expect(receiverRequestOf({ raw: Object.assign(raw, { body: bytes }) }).body).toBe(bytes);
});

it('refuses requests of other platforms, by name', () => {
  expect(() => receiverRequestOf({})).toThrow(/Express and of Fastify; this is neither/);
});
